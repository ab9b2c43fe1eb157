//! One session with a server: which certificate it presents, and whether it lets the client in.
//!
//! In TLS 1.3 a client finishes its handshake before the server has verified it, so that a finished handshake says
//! nothing. The client listens on: a refusal comes as an alert. A server that keeps silent is bid farewell; it answers
//! what it is sent in order, so that its own farewell proves that it has verified the client before, however slow it is.
//! A server that closes unasked has perhaps refused the client above TLS (Node does so): that is called unclear.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::sign::CertifiedKey;
use rustls::{AlertDescription, ProtocolVersion};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::dial::Wire;
use super::recording_client::RecordingClient;
use crate::plan::probe::observation::{ClientOutcome, TlsAlert};

/// As much is read of what a server says by itself.
const ENOUGH: usize = 64 * 1024;

/// How long each part of a session may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// To connect, and to shake hands.
    pub handshake: Duration,
    /// For a server to refuse a client that believes itself let in.
    pub settle: Duration,
    /// To answer a farewell.
    pub farewell: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(5),
            settle: Duration::from_secs(1),
            farewell: Duration::from_secs(3),
        }
    }
}

/// How a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionResult {
    /// Nobody presented a certificate in time.
    Nobody,
    /// What answered is no TLS.
    NoTls,
    /// A server presented a certificate.
    Made(ServerView),
}

/// What a server has shown of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerView {
    /// Its certificate.
    pub leaf: CertificateDer<'static>,
    /// How it received the client.
    pub reception: ClientOutcome,
    /// Whether it asked for a certificate.
    pub has_asked: bool,
}

/// Meets the server at the other end of a wire, as a client with this certificate or with none.
pub async fn meet(
    wire: Box<dyn Wire>,
    name: ServerName<'static>,
    card: Option<Arc<CertifiedKey>>,
    limits: Limits,
) -> SessionResult {
    let witness = RecordingClient::new(card);
    let Ok(config) = witness.config() else { return SessionResult::Nobody };
    let connecting = TlsConnector::from(Arc::new(config)).connect(name, wire);
    let reception = match timeout(limits.handshake, connecting).await {
        Ok(Ok(mut stream)) => received(&mut stream, &witness, limits).await,
        Ok(Err(error)) if is_no_tls(&error) && witness.leaf().is_none() => return SessionResult::NoTls,
        Ok(Err(error)) => refusal(&error).map_or(ClientOutcome::Unclear, ClientOutcome::Refused),
        Err(_) => ClientOutcome::Unclear,
    };
    let Some(leaf) = witness.leaf().cloned() else { return SessionResult::Nobody };
    let has_asked = witness.was_asked();
    // Whoever did not ask for a certificate has refused something else.
    let reception =
        if has_asked || reception == ClientOutcome::Accepted { reception } else { ClientOutcome::Unclear };
    SessionResult::Made(ServerView { leaf, reception, has_asked })
}

/// What comes from a server after the handshake.
enum ServerMessage {
    TlsAlert(TlsAlert),
    /// It has closed the connection in order.
    Farewell,
    /// The connection broke.
    Nothing,
}

async fn received(
    stream: &mut TlsStream<Box<dyn Wire>>,
    witness: &RecordingClient,
    limits: Limits,
) -> ClientOutcome {
    let mut heard = 0;
    match timeout(limits.settle, listen(stream, &mut heard)).await {
        Ok(ServerMessage::TlsAlert(refusal)) => return ClientOutcome::Refused(refusal),
        Ok(ServerMessage::Farewell | ServerMessage::Nothing) => return ClientOutcome::Unclear,
        Err(_) => {}
    }
    let is_verified = stream.get_ref().1.protocol_version() != Some(ProtocolVersion::TLSv1_3)
        || !witness.was_asked()
        || witness.has_ticket()
        || heard > 0;
    if is_verified { ClientOutcome::Accepted } else { part(stream, limits).await }
}

/// Says farewell and listens for the answer.
async fn part(stream: &mut TlsStream<Box<dyn Wire>>, limits: Limits) -> ClientOutcome {
    let parting = async {
        // It fails where the server has closed; what it said before that can still be read.
        let _ = stream.shutdown().await;
        listen(stream, &mut 0).await
    };
    match timeout(limits.farewell, parting).await {
        Ok(ServerMessage::TlsAlert(refusal)) => ClientOutcome::Refused(refusal),
        Ok(ServerMessage::Farewell) => ClientOutcome::Accepted,
        Ok(ServerMessage::Nothing) | Err(_) => ClientOutcome::Unclear,
    }
}

/// Listens until the server closes. What it says meanwhile is counted and forgotten.
async fn listen(stream: &mut TlsStream<Box<dyn Wire>>, heard: &mut usize) -> ServerMessage {
    let mut buffer = [0; 1024];
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) => return ServerMessage::Farewell,
            Ok(count) => *heard += count,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return ServerMessage::Farewell,
            Err(error) => return refusal(&error).map_or(ServerMessage::Nothing, ServerMessage::TlsAlert),
        }
        if *heard > ENOUGH {
            std::future::pending::<()>().await;
        }
    }
}

fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

fn is_no_tls(error: &io::Error) -> bool {
    matches!(tls_error(error), Some(rustls::Error::InvalidMessage(_)))
}

/// The refusal that an error is, if it is one: an alert about the client's certificate.
fn refusal(error: &io::Error) -> Option<TlsAlert> {
    let rustls::Error::AlertReceived(alert) = tls_error(error)? else { return None };
    match alert {
        AlertDescription::UnknownCA => Some(TlsAlert::UnknownRoot),
        AlertDescription::HandshakeFailure
        | AlertDescription::NoCertificate
        | AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateRevoked
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateUnknown
        | AlertDescription::AccessDenied
        | AlertDescription::CertificateRequired => Some(TlsAlert::Alert(alert.as_str().unwrap_or_default())),
        _ => None,
    }
}
