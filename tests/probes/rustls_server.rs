//! rustls servers at the other end of a connection in memory: which clients they verify, and how they close.

use std::sync::Arc;
use std::time::Duration;

use mtls_operator::operator::probe::dial::Dialer;
use mtls_operator::operator::probe::handshake::Limits;
use mtls_operator::plan::probe::observation::Observation;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ServerConfig, WebPkiClientVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::fixture::{MESH, PROBE, probe, store};

/// Which clients a server verifies.
#[derive(Clone, Copy, Debug)]
pub enum ClientAuth {
    /// Clients must have a certificate of a root that is trusted: the current one, and the next one or not.
    Strict { trusts_next: bool },
    /// They may have none.
    Optional,
    /// They are asked, and any certificate is accepted.
    AcceptsAnyone,
    /// They are not asked.
    None,
}

/// What a server does with a client that it has accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseBehaviour {
    /// Waits for a request, and closes in order.
    Orderly,
    /// Waits for a request, and drops the connection.
    Abrupt,
    /// Sends first.
    SendsFirst,
    /// Drops the connection of a client of another root at once, above TLS, as Node does.
    DropsUntrusted,
    /// Drops every connection at once.
    DropsAll,
    /// Never answers anything.
    Silent,
}

#[derive(Clone, Copy, Debug)]
pub struct Server {
    pub version: &'static SupportedProtocolVersion,
    pub tickets: usize,
    pub client_auth: ClientAuth,
    pub close_behaviour: CloseBehaviour,
}

pub const STRICT: ClientAuth = ClientAuth::Strict { trusts_next: true };

impl Server {
    pub const fn new(client_auth: ClientAuth) -> Self {
        Self { version: &TLS13, tickets: 2, client_auth, close_behaviour: CloseBehaviour::Orderly }
    }

    fn config(self) -> ServerConfig {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone());
        let builder = builder.with_protocol_versions(&[self.version]).unwrap();
        let roots = match self.client_auth {
            ClientAuth::Strict { trusts_next: false } | ClientAuth::Optional => store(&[&MESH.current]),
            _ => store(&[&MESH.current, &MESH.next]),
        };
        let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
        let builder = match self.client_auth {
            ClientAuth::Strict { .. } => builder.with_client_cert_verifier(verifier.build().unwrap()),
            ClientAuth::Optional => {
                builder.with_client_cert_verifier(verifier.allow_unauthenticated().build().unwrap())
            }
            ClientAuth::AcceptsAnyone => builder.with_client_cert_verifier(Arc::new(AcceptsAnyone)),
            ClientAuth::None => builder.with_no_client_auth(),
        };
        let (chain, key) = MESH.served();
        let mut config = builder.with_single_cert(chain, key).unwrap();
        config.send_tls13_tickets = self.tickets;
        config
    }

    async fn serve(self, wire: DuplexStream) {
        let Ok(mut stream) = TlsAcceptor::from(Arc::new(self.config())).accept(wire).await else { return };
        match self.close_behaviour {
            CloseBehaviour::SendsFirst => stream.write_all(b"220 welcome").await.unwrap(),
            CloseBehaviour::DropsUntrusted if !is_known(&stream) => return,
            CloseBehaviour::DropsAll => return,
            CloseBehaviour::Silent => std::future::pending().await,
            _ => {}
        }
        let mut buffer = [0; 64];
        while stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
        if self.close_behaviour != CloseBehaviour::Abrupt {
            let _ = stream.shutdown().await;
        }
    }

    fn dialer(self) -> Dialer {
        Dialer::new(move |_| async move {
            let (here, there) = duplex(64 * 1024);
            tokio::spawn(self.serve(there));
            Ok(here)
        })
    }

    pub async fn observed(self) -> Observation {
        probe(self.dialer(), Limits::default()).await
    }
}

/// Whether the client is of the mesh, by the issuer of its certificate.
fn is_known(stream: &TlsStream<DuplexStream>) -> bool {
    let known = MESH.current.key_id().to_string();
    let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let leaf = chain.first().and_then(|leaf| mtls_operator::pki::Leaf::parse(leaf).ok());
    leaf.is_some_and(|leaf| {
        assert!(leaf.spiffe_ids[0].ends_with(PROBE) && leaf.dns_names.is_empty());
        leaf.authority_key_id.to_string() == known
    })
}

/// Accepts any certificate.
#[derive(Debug)]
struct AcceptsAnyone;

impl ClientCertVerifier for AcceptsAnyone {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// Every version, with and without tickets.
pub fn kinds(client_auth: ClientAuth) -> impl Iterator<Item = Server> {
    let kinds = [(&TLS12, 0), (&TLS13, 2), (&TLS13, 0)];
    kinds.into_iter().map(move |(version, tickets)| Server { version, tickets, ..Server::new(client_auth) })
}

/// A connection on which what the client sends after its first flight takes this long.
pub fn slow(server: Server, delay: Duration) -> Dialer {
    Dialer::new(move |_| async move {
        let (here, mut near) = duplex(64 * 1024);
        let (mut far, there) = duplex(64 * 1024);
        tokio::spawn(server.serve(there));
        tokio::spawn(async move {
            let mut hello = vec![0; 16 * 1024];
            let count = near.read(&mut hello).await.unwrap_or(0);
            let _ = far.write_all(&hello[..count]).await;
            let (mut from_client, mut to_client) = tokio::io::split(near);
            let (mut from_server, mut to_server) = tokio::io::split(far);
            tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
            while let Ok(count @ 1..) = from_client.read(&mut hello).await {
                tokio::time::sleep(delay).await;
                if to_server.write_all(&hello[..count]).await.is_err() {
                    break;
                }
            }
            let _ = to_server.shutdown().await;
        });
        Ok(here)
    })
}
