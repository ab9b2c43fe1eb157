//! rustls servers at the other end of a wire in memory. Time is tokio's and paused: it passes when all wait for it.

use std::sync::Arc;
use std::time::Duration;

use mtls_operator::operator::probe::dial::Dialer;
use mtls_operator::operator::probe::handshake::Limits;
use mtls_operator::plan::probe::observation::{ClientOutcome, Observation};
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

use crate::fixture::{MESH, PROBE, UNKNOWN, assert_strict, is_refused, outcomes, probe, store};

/// Which clients a server verifies.
#[derive(Clone, Copy, Debug)]
enum ClientAuth {
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
enum CloseBehaviour {
    /// Waits for a request, and closes in order.
    Polite,
    /// Waits for a request, and drops the connection.
    Rude,
    /// Sends first.
    Talkative,
    /// Drops the connection of a client of another root at once, above TLS, as Node does.
    Particular,
    /// Drops every connection at once.
    Busy,
    /// Never answers anything.
    Deaf,
}

#[derive(Clone, Copy, Debug)]
struct Server {
    version: &'static SupportedProtocolVersion,
    tickets: usize,
    client_auth: ClientAuth,
    close_behaviour: CloseBehaviour,
}

const STRICT: ClientAuth = ClientAuth::Strict { trusts_next: true };

impl Server {
    const fn new(client_auth: ClientAuth) -> Self {
        Self { version: &TLS13, tickets: 2, client_auth, close_behaviour: CloseBehaviour::Polite }
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
            CloseBehaviour::Talkative => stream.write_all(b"220 welcome").await.unwrap(),
            CloseBehaviour::Particular if !is_known(&stream) => return,
            CloseBehaviour::Busy => return,
            CloseBehaviour::Deaf => std::future::pending().await,
            _ => {}
        }
        let mut buffer = [0; 64];
        while stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
        if self.close_behaviour != CloseBehaviour::Rude {
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

    async fn seen(self) -> Observation {
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
fn kinds(client_auth: ClientAuth) -> impl Iterator<Item = Server> {
    let kinds = [(&TLS12, 0), (&TLS13, 2), (&TLS13, 0)];
    kinds.into_iter().map(move |(version, tickets)| Server { version, tickets, ..Server::new(client_auth) })
}

#[tokio::test(start_paused = true)]
async fn a_strict_server_is_seen_to_let_in_whom_it_trusts_and_nobody_else() {
    for trusts_next in [true, false] {
        for kind in kinds(ClientAuth::Strict { trusts_next }) {
            for close_behaviour in [CloseBehaviour::Polite, CloseBehaviour::Rude, CloseBehaviour::Talkative] {
                let server = Server { close_behaviour, ..kind };
                let observation = server.seen().await;
                assert_strict(&observation, trusts_next, &format!("{server:?}"));
                let next = outcomes(&observation).next;
                assert_eq!(next, Some(if trusts_next { ClientOutcome::Accepted } else { UNKNOWN }));
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_clients_without_a_certificate_is_seen_to() {
    for server in kinds(ClientAuth::Optional) {
        let seen = outcomes(&server.seen().await);
        assert_eq!(
            (seen.mesh, seen.without_certificate),
            (ClientOutcome::Accepted, ClientOutcome::Accepted),
            "{server:?}"
        );
        assert_eq!((seen.next, seen.unrelated_root), (Some(UNKNOWN), UNKNOWN), "{server:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_any_certificate_or_asks_for_none_is_seen_to() {
    for client_auth in [ClientAuth::AcceptsAnyone, ClientAuth::None] {
        for server in kinds(client_auth) {
            let seen = outcomes(&server.seen().await);
            let all = [Some(seen.mesh), seen.next, Some(seen.without_certificate), Some(seen.unrelated_root)];
            assert_eq!(all, [Some(ClientOutcome::Accepted); 4], "{server:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_up_on_strangers_above_tls_is_not_said_to_let_them_in() {
    for kind in kinds(ClientAuth::AcceptsAnyone) {
        let server = Server { close_behaviour: CloseBehaviour::Particular, ..kind };
        let seen = outcomes(&server.seen().await);
        assert_eq!(seen.mesh, ClientOutcome::Accepted, "{server:?}");
        let others = (seen.next, seen.without_certificate, seen.unrelated_root);
        assert_eq!(
            others,
            (Some(ClientOutcome::Unclear), ClientOutcome::Unclear, ClientOutcome::Unclear),
            "{server:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_up_on_everybody_is_not_judged() {
    for kind in kinds(STRICT) {
        let server = Server { close_behaviour: CloseBehaviour::Busy, ..kind };
        let seen = outcomes(&server.seen().await);
        assert_eq!((seen.mesh, seen.next), (ClientOutcome::Unclear, None), "{server:?}");
        assert!(is_refused(seen.without_certificate) && is_refused(seen.unrelated_root), "{server:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_is_judged_by_its_ticket_or_not_at_all() {
    let deaf = Server { close_behaviour: CloseBehaviour::Deaf, ..Server::new(STRICT) };
    assert_strict(&deaf.seen().await, true, "it sends a ticket only to whom it has verified");
    let silent = Server { tickets: 0, ..deaf };
    let seen = outcomes(&silent.seen().await);
    assert_eq!((seen.mesh, seen.next), (ClientOutcome::Unclear, None));
    assert!(is_refused(seen.without_certificate) && is_refused(seen.unrelated_root));
}

/// A wire whose way to the server takes this long after the first flight.
fn slow(server: Server, delay: Duration) -> Dialer {
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

#[tokio::test(start_paused = true)]
async fn a_slow_server_that_refuses_is_not_taken_for_one_that_keeps_silent() {
    let limits = Limits::default();
    let delay = limits.settle + Duration::from_millis(500);
    for server in kinds(ClientAuth::Strict { trusts_next: false }) {
        let observation = probe(slow(server, delay), limits).await;
        assert_strict(&observation, false, &format!("{server:?}"));
    }
}

#[tokio::test(start_paused = true)]
async fn who_does_not_answer_is_unreachable_and_who_speaks_something_else_speaks_no_tls() {
    let refused = Dialer::new(|_| async {
        Err::<DuplexStream, _>(std::io::Error::from(std::io::ErrorKind::ConnectionRefused))
    });
    let lost = Dialer::new(|_| std::future::pending::<std::io::Result<DuplexStream>>());
    let mute = Dialer::new(|_| async {
        let (here, there) = duplex(1024);
        tokio::spawn(async move {
            let _kept = there;
            std::future::pending::<()>().await;
        });
        Ok(here)
    });
    for dialer in [refused, lost, mute] {
        assert_eq!(probe(dialer, Limits::default()).await, Observation::Unreachable);
    }
    let http = Dialer::new(|_| async {
        let (here, mut there) = duplex(4096);
        tokio::spawn(async move { there.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await });
        Ok(here)
    });
    assert_eq!(probe(http, Limits::default()).await, Observation::NoTls);
}
