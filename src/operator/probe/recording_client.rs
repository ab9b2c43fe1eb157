//! A TLS client that records what a server does: it accepts any certificate whose key the server has.
//!
//! It never resumes a session: a server does not verify the client again then.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{
    ClientSessionStore, ResolvesClientCert, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue,
};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, DigitallySignedStruct, Error, NamedGroup, SignatureScheme};

/// The client of one session, and what it has recorded.
pub(super) struct RecordingClient {
    provider: Arc<CryptoProvider>,
    credential: Option<Arc<CertifiedKey>>,
    leaf: OnceLock<CertificateDer<'static>>,
    was_requested: AtomicBool,
    has_ticket: AtomicBool,
}

impl RecordingClient {
    /// A client with this certificate, or with none.
    pub(super) fn new(credential: Option<Arc<CertifiedKey>>) -> Arc<Self> {
        Arc::new(Self {
            provider: Arc::new(aws_lc_rs::default_provider()),
            credential,
            leaf: OnceLock::new(),
            was_requested: AtomicBool::new(false),
            has_ticket: AtomicBool::new(false),
        })
    }

    /// The configuration of its connection.
    pub(super) fn config(self: &Arc<Self>) -> Result<ClientConfig, Error> {
        let builder = ClientConfig::builder_with_provider(self.provider.clone());
        let builder = builder.with_safe_default_protocol_versions()?.dangerous();
        let builder = builder.with_custom_certificate_verifier(self.clone());
        let mut config = builder.with_client_cert_resolver(self.clone());
        config.resumption = Resumption::store(self.clone());
        Ok(config)
    }

    /// The certificate that the server presented.
    pub(super) fn leaf(&self) -> Option<&CertificateDer<'static>> {
        self.leaf.get()
    }

    /// Whether the server requested a certificate.
    pub(super) fn was_requested(&self) -> bool {
        self.was_requested.load(Ordering::Relaxed)
    }

    /// Whether the server sent a ticket: in TLS 1.3 it may only after it has verified the client (RFC 8446 §4.6.1).
    pub(super) fn has_ticket(&self) -> bool {
        self.has_ticket.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for RecordingClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecordingClient")
    }
}

impl ServerCertVerifier for RecordingClient {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        // Set once: a session presents one certificate.
        let _ = self.leaf.set(end_entity.clone().into_owned());
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl ResolvesClientCert for RecordingClient {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.was_requested.store(true, Ordering::Relaxed);
        self.credential.clone()
    }

    fn has_certs(&self) -> bool {
        self.credential.is_some()
    }
}

impl ClientSessionStore for RecordingClient {
    fn set_kx_hint(&self, _: ServerName<'static>, _: NamedGroup) {}

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        None
    }

    fn set_tls12_session(&self, _: ServerName<'static>, _: Tls12ClientSessionValue) {}

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {}

    fn insert_tls13_ticket(&self, _: ServerName<'static>, _: Tls13ClientSessionValue) {
        self.has_ticket.store(true, Ordering::Relaxed);
    }

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        None
    }
}
