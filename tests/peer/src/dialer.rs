//! Dials every peer over and over, each handshake a full one, and counts the results.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::Failure;
use crate::arguments::{Dialing, Target};
use crate::certificate::Leaf;
use crate::counters::{Attempt, Counters};
use crate::event_log::{note, now};
use crate::reload::Reload;
use crate::state::State;
use crate::tls::Material;

/// Longer than a connection or a handshake takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

type Tallies = Mutex<BTreeMap<String, Counters>>;

/// Dials for ever; without a peer to dial it does nothing.
pub async fn dial(keeper: Arc<Reload>, dialing: Dialing) -> Result<(), Failure> {
    if dialing.peers.is_empty() {
        return std::future::pending().await;
    }
    let tallies = Arc::new(Tallies::default());
    for peer in dialing.peers.clone() {
        tokio::spawn(dial_one(keeper.clone(), dialing.clone(), peer, tallies.clone()));
    }
    loop {
        tokio::time::sleep(dialing.report_every).await;
        let tallies = tallies.lock().unwrap_or_else(PoisonError::into_inner).clone();
        note("tally", &json!({ "peers": tallies }));
    }
}

async fn dial_one(keeper: Arc<Reload>, dialing: Dialing, peer: Target, tallies: Arc<Tallies>) {
    loop {
        let material = keeper.material();
        let attempt = attempt(&material, dialing.no_certificate, &peer).await;
        if let Attempt::Refused(why) = &attempt {
            note("refused", &json!({ "peer": peer.name(), "why": why }));
        }
        count(&tallies, peer.name(), &material.state, attempt);
        tokio::time::sleep(dialing.every).await;
    }
}

fn count(tallies: &Tallies, peer: String, mine: &State, attempt: Attempt) {
    let ended = u64::try_from(now().as_millis()).unwrap_or(u64::MAX);
    let mut tallies = tallies.lock().unwrap_or_else(PoisonError::into_inner);
    tallies.entry(peer).or_default().count(mine, attempt, ended);
}

async fn attempt(material: &Material, no_certificate: bool, peer: &Target) -> Attempt {
    let place = (peer.address.as_deref().unwrap_or(&peer.host), peer.port);
    let Ok(Ok(socket)) = timeout(PATIENCE, TcpStream::connect(place)).await else {
        return Attempt::Unreachable;
    };
    match timeout(PATIENCE, shake_hands(material, no_certificate, peer, socket)).await {
        Ok(Ok(state)) => Attempt::Granted(state),
        Ok(Err(error)) if is_gone(&error) => Attempt::Unreachable,
        Ok(Err(error)) => Attempt::Refused(error.to_string()),
        Err(_) => Attempt::Unreachable,
    }
}

async fn shake_hands(
    material: &Material,
    no_certificate: bool,
    peer: &Target,
    socket: TcpStream,
) -> Result<State, Failure> {
    let connector = TlsConnector::from(Arc::new(material.client(no_certificate)?));
    let stream = connector.connect(ServerName::try_from(peer.host.clone())?, socket).await?;
    check(&stream, &peer.spiffe_id)?;
    // In TLS 1.3 a client learns that its certificate was refused when it reads for the first time.
    let mut stream = BufReader::new(stream);
    let mut told = String::new();
    stream.read_line(&mut told).await?;
    // The server has sent its line, and may have closed the connection.
    let _ = stream.shutdown().await;
    serde_json::from_str(&told).map_err(|_| "the server closed without a line".into())
}

/// A valid name and chain are not enough: the SPIFFE ID must be the expected one.
fn check(stream: &TlsStream<TcpStream>, spiffe_id: &str) -> Result<(), Failure> {
    let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let leaf = Leaf::of(certificate.ok_or("the server has shown no certificate")?)?;
    if leaf.spiffe_id == spiffe_id {
        return Ok(());
    }
    Err(format!("the server is {}, not {spiffe_id}", leaf.spiffe_id).into())
}

/// A connection that was cut: its peer was stopped, which is no verdict on a certificate.
fn is_gone(error: &Failure) -> bool {
    let kind = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
    matches!(kind, Some(ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof))
}
