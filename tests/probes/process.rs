//! Servers that are processes of their own: what they serve, and how they are reached.

use std::net::SocketAddr;
use std::path::PathBuf;

use mtls_operator::operator::probe::dial::Dialer;
use test_support::tools::process::Server;
use tokio::net::TcpStream;

use crate::fixture::MESH;

/// Leads to a server, whatever address is asked for.
pub fn dialer(server: &Server) -> Dialer {
    let port = server.port;
    Dialer::new(move |_| TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))))
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
