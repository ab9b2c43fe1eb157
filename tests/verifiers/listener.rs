//! A server with TLS for one connection of a foreign client, in this process: it asks for no certificate.

use std::io::Read as _;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

pub fn certificates(file: &Path) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_file_iter(file).unwrap().map(Result::unwrap).collect()
}

pub struct Server {
    pub port: u16,
    thread: JoinHandle<()>,
}

impl Server {
    pub fn open(chain: &Path, key: &Path) -> Self {
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let key = PrivateKeyDer::from_pem_file(key).unwrap();
        let config = Arc::new(config.with_single_cert(certificates(chain), key).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let thread = std::thread::spawn(move || {
            let connection = ServerConnection::new(config).unwrap();
            let mut stream = StreamOwned::new(connection, listener.accept().unwrap().0);
            // Until the client closes the connection: the client's own output is its verdict.
            let _ = stream.read_to_end(&mut Vec::new());
        });
        Self { port, thread }
    }

    /// After the client has closed the connection.
    pub fn close(self) {
        // A client that has not connected by now never will.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        self.thread.join().unwrap();
    }
}
