//! GnuTLS: a server's chain in a real handshake, a client's by `certtool`, which goes the same way.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use test_support::tools::faketime_library;
use test_support::tools::gnutls::{self, CLIENT, SERVER};
use test_support::tools::require_tool;

use crate::batch::first_line;
use crate::listener::Server;
use crate::question::{Judge, Question, Role, Verdict};

struct GnuTls {
    client: PathBuf,
    certtool: PathBuf,
}

pub fn find() -> Option<Box<dyn Judge>> {
    Some(Box::new(GnuTls { client: require_tool("gnutls-cli")?, certtool: require_tool("certtool")? }))
}

/// `certtool`, with a clock that the test sets.
struct Certtool {
    certtool: PathBuf,
    /// Sets its clock.
    library: String,
}

pub fn at_any_time() -> Option<Box<dyn Judge>> {
    Some(Box::new(Certtool {
        certtool: require_tool("certtool")?,
        library: faketime_library(&require_tool("faketime")?),
    }))
}

impl Judge for Certtool {
    fn version(&self) -> String {
        first_line(Command::new(&self.certtool).arg("--version"))
    }

    fn judge(&self, questions: &[Question]) -> Vec<Verdict> {
        let judge = |question: &Question| {
            let mut command = Command::new(&self.certtool);
            let time = format!("@{}", question.at.strftime("%Y-%m-%d %H:%M:%S"));
            command.env("LD_PRELOAD", &self.library).env("FAKETIME", time).env("TZ", "UTC");
            verified(with_files(&mut command, question))
        };
        questions.iter().map(judge).collect()
    }
}

/// The arguments of `certtool`.
fn with_files<'a>(certtool: &'a mut Command, question: &Question) -> &'a mut Command {
    let purpose = match question.role {
        Role::Server => SERVER,
        Role::Client => CLIENT,
    };
    gnutls::verify(certtool, &question.trust, &question.chain, purpose)
}

impl Judge for GnuTls {
    fn version(&self) -> String {
        first_line(Command::new(&self.client).arg("--version"))
    }

    fn judge(&self, questions: &[Question]) -> Vec<Verdict> {
        let judge = |question: &Question| match question.role {
            Role::Server => self.connect(question),
            Role::Client => verified(with_files(&mut Command::new(&self.certtool), question)),
        };
        questions.iter().map(judge).collect()
    }
}

impl GnuTls {
    fn connect(&self, question: &Question) -> Verdict {
        let server = Server::open(&question.chain, &question.key);
        let address = format!("127.0.0.1:{}", server.port);
        let verdict = verified(&mut gnutls::client(&self.client, &address, question.name, &question.trust));
        server.close();
        verdict
    }
}

fn verified(command: &mut Command) -> Verdict {
    let Output { status, stdout, stderr } = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned();
    if status.success() {
        return Ok(());
    }
    let reason = said.lines().find(|line| line.contains("is NOT trusted") || line.contains("Not verified"));
    Err(reason.unwrap_or_else(|| panic!("no verdict: {said}")).to_owned())
}
