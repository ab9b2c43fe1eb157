//! A server that is a process of its own, listening on loopback.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use mtls_operator::operator::probe::dial::Dialer;
use tokio::net::TcpStream;

use crate::fixture::MESH;

/// A server. It ends with this value.
pub struct Server {
    process: Child,
    port: u16,
}

impl Server {
    /// Starts a server that says where it listens in a line that begins so.
    pub fn start(command: &mut Command, line: &str) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut lines = output.by_ref().lines().map_while(Result::ok);
        let port = lines.find_map(|said| said.strip_prefix(line)?.trim().parse().ok());
        let port = port.expect("a server says where it listens");
        // Kept open: a server that cannot write its output ends.
        process.stdout = Some(output.into_inner());
        Self { process, port }
    }

    /// Leads to it, whatever address is asked for.
    pub fn dialer(&self) -> Dialer {
        let port = self.port;
        Dialer::new(move |_| TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A folder with the server's certificate and key, and these roots.
pub fn folder(trust: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let files: [(&str, &[u8]); 3] = [
        ("tls.crt", MESH.server.chain_pem.as_bytes()),
        ("tls.key", MESH.server.key_pem.as_bytes()),
        ("ca.crt", trust.as_bytes()),
    ];
    for (name, content) in files {
        std::fs::write(PathBuf::from(folder.path()).join(name), content).unwrap();
    }
    folder
}
