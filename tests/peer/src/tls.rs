//! Mounted bytes as TLS configurations. What does not load is an error, and the caller keeps the older configuration.

use std::sync::Arc;

use tokio_rustls::rustls::client::Resumption;
use tokio_rustls::rustls::client::danger::HandshakeSignatureValid;
use tokio_rustls::rustls::crypto::{
    CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use tokio_rustls::rustls::{
    ClientConfig, DigitallySignedStruct, DistinguishedName, Error as TlsError, RootCertStore, ServerConfig,
    SignatureScheme,
};

use crate::Failure;
use crate::certificate::Leaf;
use crate::files::{Bytes, sha256};
use crate::state::State;

/// Key, chain and roots, parsed.
pub struct Material {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    roots: Arc<RootCertStore>,
    pub state: State,
}

impl Material {
    pub fn parse(bytes: &Bytes) -> Result<Self, Failure> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&bytes.chain).collect::<Result<_, _>>()?;
        let anchors: Vec<_> = CertificateDer::pem_slice_iter(&bytes.roots).collect::<Result<_, _>>()?;
        let mut roots = RootCertStore::empty();
        for anchor in &anchors {
            roots.add(anchor.clone())?;
        }
        let state = State {
            leaf: Leaf::of(chain.first().ok_or("tls.crt holds no certificate")?)?,
            roots: anchors.iter().map(|anchor| sha256(anchor)).collect(),
        };
        Ok(Self { chain, key: PrivateKeyDer::from_pem_slice(&bytes.key)?, roots: Arc::new(roots), state })
    }

    /// As a server. It asks for a certificate of the mesh, unless it accepts every client.
    pub fn server(&self, accept_any_client: bool) -> Result<ServerConfig, Failure> {
        let provider = provider();
        let verifier: Arc<dyn ClientCertVerifier> = if accept_any_client {
            Arc::new(AcceptsAnyClient(provider.clone()))
        } else {
            WebPkiClientVerifier::builder_with_provider(self.roots.clone(), provider.clone()).build()?
        };
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let config = config.with_client_cert_verifier(verifier);
        Ok(config.with_single_cert(self.chain.clone(), self.key.clone_key())?)
    }

    /// As a client, with its certificate or without.
    pub fn client(&self, no_certificate: bool) -> Result<ClientConfig, Failure> {
        let config = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
        let config = config.with_root_certificates(self.roots.clone());
        let mut config = if no_certificate {
            config.with_no_client_auth()
        } else {
            config.with_client_auth_cert(self.chain.clone(), self.key.clone_key())?
        };
        // A resumed session proves nothing about the certificates of now.
        config.resumption = Resumption::disabled();
        Ok(config)
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// Asks for a certificate and takes any, or none: what a server must not do.
#[derive(Debug)]
struct AcceptsAnyClient(Arc<CryptoProvider>);

impl ClientCertVerifier for AcceptsAnyClient {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, TlsError> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
