//! A Pod that serves mutual TLS with what it has loaded, at the other end of a wire in memory.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::time_provider::TimeProvider;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio_rustls::TlsAcceptor;

/// What a Pod has loaded.
#[derive(Clone)]
pub struct Pod {
    chain: Vec<CertificateDer<'static>>,
    key: Arc<PrivateKeyDer<'static>>,
    /// The roots that it trusts.
    pub roots: Arc<RootCertStore>,
    /// Whether it asks no client for a certificate.
    pub accepts_any_client: bool,
}

impl Pod {
    /// A Pod that has loaded these files.
    pub fn of(tls_crt: &[u8], tls_key: &[u8], ca_crt: &[u8]) -> Self {
        let mut roots = RootCertStore::empty();
        for root in CertificateDer::pem_slice_iter(ca_crt) {
            roots.add(root.unwrap()).unwrap();
        }
        Self {
            chain: CertificateDer::pem_slice_iter(tls_crt).map(Result::unwrap).collect(),
            key: Arc::new(PrivateKeyDer::from_pem_slice(tls_key).unwrap()),
            roots: Arc::new(roots),
            accepts_any_client: false,
        }
    }

    /// A connection to it. Its clock is this one.
    pub fn connect(self, clock: Arc<dyn TimeProvider>) -> DuplexStream {
        let (here, there) = duplex(64 * 1024);
        tokio::spawn(self.serve(clock, there));
        here
    }

    async fn serve(self, clock: Arc<dyn TimeProvider>, wire: DuplexStream) {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(self.roots, provider.clone());
        let builder = ServerConfig::builder_with_details(provider, clock);
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let builder = if self.accepts_any_client {
            builder.with_no_client_auth()
        } else {
            builder.with_client_cert_verifier(verifier.build().unwrap())
        };
        let config = builder.with_single_cert(self.chain, self.key.clone_key()).unwrap();
        let Ok(mut stream) = TlsAcceptor::from(Arc::new(config)).accept(wire).await else { return };
        let mut buffer = [0; 64];
        while stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
        let _ = stream.shutdown().await;
    }
}
