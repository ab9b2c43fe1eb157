//! A consumer whose client is made with GnuTLS. Its server is rustls: GnuTLS has no program for one that listens on
//! loopback only.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::consumer::Loaded;
use crate::mount::Mount;
use crate::rustls_consumer::{ANSWER, PATIENCE, QUESTION};

/// The consumer.
pub struct GnuTls {
    program: PathBuf,
    mount: Mount,
}

impl GnuTls {
    /// A consumer with this `gnutls-cli`.
    pub fn new(program: PathBuf) -> Self {
        Self { program, mount: Mount::new() }
    }

    /// Connects with this in memory, and has a line reversed.
    pub fn dial(&mut self, loaded: &Loaded, address: &str, name: &str) -> Result<(), String> {
        self.mount.deliver(loaded);
        let (host, port) = address.rsplit_once(':').unwrap();
        let mut client = Command::new("timeout")
            .arg(PATIENCE.as_secs().to_string())
            .arg(&self.program)
            .args(["--x509certfile", "tls.crt", "--x509keyfile", "tls.key", "--x509cafile", "ca.crt"])
            .args(["--verify-hostname", name, "--sni-hostname", name, "--port", port, host])
            .current_dir(self.mount.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = client.stdin.take().unwrap();
        // It fails where the client has already given up, which is what its words then show.
        let _ = writeln!(input, "{QUESTION}");
        let lines = BufReader::new(client.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut said: Vec<String> = Vec::new();
        let is_answered = lines.inspect(|line| said.push(line.clone())).any(|line| line.trim_end() == ANSWER);
        // Only now: the client leaves when its input ends.
        drop(input);
        let errors = client.wait_with_output().unwrap().stderr;
        if is_answered {
            return Ok(());
        }
        // What it says of the certificates that it was shown is long.
        said.retain(|line| ["- Status", "***", "|<"].iter().any(|start| line.starts_with(start)));
        Err(format!("{} {}", said.join(" "), String::from_utf8_lossy(&errors).replace('\n', " ")))
    }
}
