//! A consumer whose client is GnuTLS. Its server is rustls: GnuTLS has no program for one that listens on
//! loopback only.

use std::path::{Path, PathBuf};

use test_support::tools::gnutls::client;
use test_support::tools::process::ask;

use crate::consumer::Loaded;
use crate::mount::Mount;
use crate::rustls_consumer::{ANSWER, QUESTION};

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
        let mut client = client(&self.program, address, name, Path::new("ca.crt"));
        client.args(["--x509certfile", "tls.crt", "--x509keyfile", "tls.key"]);
        let mut dialog = ask(client.current_dir(self.mount.path()), QUESTION, ANSWER);
        if dialog.is_answered {
            return Ok(());
        }
        // Its lines about the server's certificates are long.
        dialog.lines.retain(|line| ["- Status", "***", "|<"].iter().any(|start| line.starts_with(start)));
        Err(format!("{} {}", dialog.lines.join(" "), dialog.errors.replace('\n', " ")))
    }
}
