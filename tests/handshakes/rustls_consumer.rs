//! TLS by rustls, in the test's own process: between two consumers in memory, with foreign programs over loopback.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;

use rustls::client::ClientConnection;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ServerConnection, WebPkiClientVerifier};
use rustls::{ClientConfig, RootCertStore, ServerConfig, StreamOwned};
use test_support::tools::process::PATIENCE;

use crate::consumer::{Loaded, Version};

/// The line of a client and the answer of a server: only a client that is accepted gets an answer.
pub const QUESTION: &str = "mutual trust";
pub const ANSWER: &str = "tsurt lautum";

fn roots(version: &Version) -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(&version.bundle) {
        roots.add(root.unwrap()).unwrap();
    }
    Arc::new(roots)
}

fn pair(version: &Version) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let chain = CertificateDer::pem_slice_iter(&version.chain).map(Result::unwrap).collect();
    (chain, PrivateKeyDer::from_pem_slice(&version.key).unwrap())
}

fn server(loaded: &Loaded) -> ServerConnection {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let clients = WebPkiClientVerifier::builder_with_provider(roots(&loaded.trust), provider.clone());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.unwrap().with_client_cert_verifier(clients.build().unwrap());
    let (chain, key) = pair(&loaded.leaf);
    ServerConnection::new(Arc::new(config.with_single_cert(chain, key).unwrap())).unwrap()
}

fn client(loaded: &Loaded, name: &str) -> ClientConnection {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.unwrap().with_root_certificates(roots(&loaded.trust));
    let (chain, key) = pair(&loaded.leaf);
    let config = Arc::new(config.with_client_auth_cert(chain, key).unwrap());
    ClientConnection::new(config, ServerName::try_from(name.to_owned()).unwrap()).unwrap()
}

/// A handshake in memory.
pub fn shake_hands(mine: &Loaded, theirs: &Loaded, name: &str) -> Result<(), String> {
    let (mut client, mut server) = (client(mine, name), server(theirs));
    while client.is_handshaking() || server.is_handshaking() {
        let mut wire = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut wire).unwrap();
        }
        let mut rest = &*wire;
        while !rest.is_empty() {
            server.read_tls(&mut rest).unwrap();
            server.process_new_packets().map_err(|error| format!("the server refuses: {error}"))?;
        }
        let mut wire = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut wire).unwrap();
        }
        let mut rest = &*wire;
        while !rest.is_empty() {
            client.read_tls(&mut rest).unwrap();
            client.process_new_packets().map_err(|error| format!("the client refuses: {error}"))?;
        }
    }
    Ok(())
}

/// Connects to a server, and has a line reversed there.
pub fn dial(mine: &Loaded, address: &str, name: &str) -> Result<(), String> {
    let socket = patient(TcpStream::connect(address).unwrap());
    let mut stream = BufReader::new(StreamOwned::new(client(mine, name), socket));
    let mut line = String::new();
    let asked = writeln!(stream.get_mut(), "{QUESTION}").and_then(|()| stream.read_line(&mut line));
    asked.map_err(|error| format!("the client: {error}"))?;
    if line.trim_end() == ANSWER { Ok(()) } else { Err(format!("the client: the answer is {line:?}")) }
}

/// A server for one connection.
pub struct Listener {
    /// Where it listens.
    pub address: String,
    guest: JoinHandle<Result<(), String>>,
}

impl Listener {
    /// Opens it, with this in memory.
    pub fn open(theirs: &Loaded) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = server(theirs);
        let guest = std::thread::spawn(move || reply(server, listener.accept().unwrap().0));
        Self { address, guest }
    }

    /// The result of the connection, as both the client and the server report it.
    pub fn closed(self, dialled: Result<(), String>) -> Result<(), String> {
        // A client that has not connected by now never will: the server does not wait.
        drop(TcpStream::connect(&self.address));
        match (dialled, self.guest.join().unwrap()) {
            (Ok(()), Ok(())) => Ok(()),
            (dialled, served) => Err(format!("{dialled:?}; {served:?}")),
        }
    }
}

fn reply(server: ServerConnection, socket: TcpStream) -> Result<(), String> {
    let mut stream = BufReader::new(StreamOwned::new(server, patient(socket)));
    let mut line = String::new();
    let told = stream.read_line(&mut line).and_then(|_| {
        let reversed: String = line.trim_end().chars().rev().collect();
        writeln!(stream.get_mut(), "{reversed}")?;
        stream.get_mut().conn.send_close_notify();
        stream.get_mut().flush()
    });
    told.map_err(|error| format!("the server: {error}"))
}

fn patient(socket: TcpStream) -> TcpStream {
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.set_write_timeout(Some(PATIENCE)).unwrap();
    socket
}
