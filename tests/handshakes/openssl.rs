//! A consumer with OpenSSL. Its client reads the files for every connection; its server reads them once, and is
//! restarted when they have changed, as a server that reads only at its start must be.

use std::path::PathBuf;

use test_support::tools::openssl::{MUTUAL, client, server};
use test_support::tools::process::{Server, ask};

use crate::consumer::Loaded;
use crate::mount::Mount;
use crate::rustls_consumer::{ANSWER, QUESTION};

/// The consumer.
pub struct OpenSsl {
    program: PathBuf,
    mount: Mount,
    server: Option<Server>,
}

impl OpenSsl {
    /// A consumer with this `openssl`.
    pub fn new(program: PathBuf) -> Self {
        Self { program, mount: Mount::new(), server: None }
    }

    /// Address of its server, which has this in memory.
    pub fn serve(&mut self, loaded: &Loaded) -> String {
        self.load(loaded);
        let (program, mount) = (&self.program, &self.mount);
        let start = || server(program, mount.path(), &[&MUTUAL, chain(mount)].concat());
        self.server.get_or_insert_with(start).address()
    }

    /// Connects with this in memory, and has a line reversed.
    pub fn dial(&mut self, loaded: &Loaded, address: &str, name: &str) -> Result<(), String> {
        self.load(loaded);
        let identity = [&["-cert", "tls.crt", "-key", "tls.key"], chain(&self.mount)].concat();
        let dialog =
            ask(&mut client(&self.program, self.mount.path(), address, name, &identity), QUESTION, ANSWER);
        if dialog.is_answered { Ok(()) } else { Err(dialog.errors.replace('\n', " ")) }
    }

    fn load(&mut self, loaded: &Loaded) {
        if self.mount.deliver(loaded) {
            self.server = None;
        }
    }
}

/// What leads from the leaf to a root, where there is anything between them.
fn chain(mount: &Mount) -> &'static [&'static str] {
    let is_empty = mount.path().join("above.crt").metadata().unwrap().len() == 0;
    if is_empty { &[] } else { &["-cert_chain", "above.crt"] }
}
