//! One TLS session with a server: which certificate it presents, and whether it accepts the client.
//!
//! In TLS 1.3 a client finishes its handshake before the server has verified it (RFC 8446 §2), so that a finished handshake
//! proves nothing. The client goes on reading: a refusal comes as an alert. Where the server sends nothing, the client sends
//! `close_notify`; a server handles what it receives in order, so that its own `close_notify` proves that it has verified the
//! client before, however slow it is. A server that closes first may have refused the client above TLS (Node does so): that
//! outcome is unclear.

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

/// Bytes that are read of what a server sends unasked.
const MAX_UNREQUESTED: usize = 64 * 1024;

/// How long each part of a session may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// To connect, and again for the handshake.
    pub handshake: Duration,
    /// For a server to refuse a client whose own handshake is finished.
    pub settle: Duration,
    /// To answer `close_notify`.
    pub close: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(5),
            settle: Duration::from_secs(1),
            close: Duration::from_secs(3),
        }
    }
}

/// How a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionResult {
    /// No certificate was presented in time.
    Unreachable,
    /// What answered speaks no TLS.
    NoTls,
    /// A server presented a certificate.
    Server(ServerView),
}

/// What a session shows of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerView {
    /// Its certificate.
    pub leaf: CertificateDer<'static>,
    /// How it treated the client.
    pub outcome: ClientOutcome,
    /// Whether it requested a certificate.
    pub requests_certificate: bool,
}

/// Runs a session with the server at the other end of a wire, as a client with this certificate or with none.
pub async fn handshake(
    wire: Box<dyn Wire>,
    name: ServerName<'static>,
    credential: Option<Arc<CertifiedKey>>,
    limits: Limits,
) -> SessionResult {
    let client = RecordingClient::new(credential);
    let Ok(config) = client.config() else { return SessionResult::Unreachable };
    let connecting = TlsConnector::from(Arc::new(config)).connect(name, wire);
    let outcome = match timeout(limits.handshake, connecting).await {
        Ok(Ok(mut stream)) => client_outcome(&mut stream, &client, limits).await,
        Ok(Err(error)) if is_no_tls(&error) && client.leaf().is_none() => return SessionResult::NoTls,
        Ok(Err(error)) => refusal(&error).map_or(ClientOutcome::Unclear, ClientOutcome::Refused),
        Err(_) => ClientOutcome::Unclear,
    };
    let Some(leaf) = client.leaf().cloned() else { return SessionResult::Unreachable };
    let requests_certificate = client.was_requested();
    // A server that requested no certificate has refused something else.
    let is_about_certificate = requests_certificate || outcome == ClientOutcome::Accepted;
    let outcome = if is_about_certificate { outcome } else { ClientOutcome::Unclear };
    SessionResult::Server(ServerView { leaf, outcome, requests_certificate })
}

/// What a server sends after the handshake.
enum ServerMessage {
    /// A refusal.
    Alert(TlsAlert),
    /// The end of the connection, in order.
    Close,
    /// Nothing more: the connection broke.
    Broken,
}

async fn client_outcome(
    stream: &mut TlsStream<Box<dyn Wire>>,
    client: &RecordingClient,
    limits: Limits,
) -> ClientOutcome {
    let mut received = 0;
    match timeout(limits.settle, read_to_end(stream, &mut received)).await {
        Ok(ServerMessage::Alert(refusal)) => return ClientOutcome::Refused(refusal),
        Ok(ServerMessage::Close | ServerMessage::Broken) => return ClientOutcome::Unclear,
        Err(_) => {}
    }
    let is_verified = stream.get_ref().1.protocol_version() != Some(ProtocolVersion::TLSv1_3)
        || !client.was_requested()
        || client.has_ticket()
        || received > 0;
    if is_verified { ClientOutcome::Accepted } else { close_and_wait(stream, limits).await }
}

/// Sends `close_notify` and waits for the answer.
async fn close_and_wait(stream: &mut TlsStream<Box<dyn Wire>>, limits: Limits) -> ClientOutcome {
    let closing = async {
        // It fails where the server has closed; what it sent before that can still be read.
        let _ = stream.shutdown().await;
        read_to_end(stream, &mut 0).await
    };
    match timeout(limits.close, closing).await {
        Ok(ServerMessage::Alert(refusal)) => ClientOutcome::Refused(refusal),
        Ok(ServerMessage::Close) => ClientOutcome::Accepted,
        Ok(ServerMessage::Broken) | Err(_) => ClientOutcome::Unclear,
    }
}

/// Reads until the server closes. What it sends meanwhile is counted and dropped.
async fn read_to_end(stream: &mut TlsStream<Box<dyn Wire>>, received: &mut usize) -> ServerMessage {
    let mut buffer = [0; 1024];
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) => return ServerMessage::Close,
            Ok(count) => *received += count,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return ServerMessage::Close,
            Err(error) => return refusal(&error).map_or(ServerMessage::Broken, ServerMessage::Alert),
        }
        if *received > MAX_UNREQUESTED {
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

/// The refusal that an error stands for: an alert about the client's certificate (RFC 8446 §6.2).
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
