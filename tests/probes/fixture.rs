//! A mesh with a current, a next and an unknown root, and what probes observe of its servers.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mtls_operator::operator::metrics::probes::ProbeMetrics;
use mtls_operator::operator::probe::credentials::ProbeCredentials;
use mtls_operator::operator::probe::dial::Dialer;
use mtls_operator::operator::probe::endpoint_probe::{EndpointProber, ProbedEndpoint};
use mtls_operator::operator::probe::handshake::Limits;
use mtls_operator::pki::{
    Authority, CommonName, IssuedLeaf, KeyAlgorithm, LeafProfile, PrivateKey, RootAlgorithm, Serial,
    SpiffeId, Validity,
};
use mtls_operator::plan::probe::observation::{
    ClientOutcome, NextRootOutcome, Observation, ObservedServer, TlsAlert, UntrustedClients,
};
use mtls_operator::runtime::clock::Clock;
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::CertifiedKey;

pub const PROBE: &str = "mtls-operator-probe";

/// The one mesh of all tests.
pub static MESH: LazyLock<ProbeFixture> = LazyLock::new(ProbeFixture::new);

/// Roots, and a server's certificate.
pub struct ProbeFixture {
    pub current: Authority,
    pub next: Authority,
    pub unknown: Authority,
    pub server: IssuedLeaf,
}

impl ProbeFixture {
    fn new() -> Self {
        let now = Clock::system().now();
        let root = |name: &str| {
            let ttl = SignedDuration::from_hours(1);
            let pem = Authority::generate(name, RootAlgorithm::default(), ttl, now).unwrap();
            Authority::load(&pem, now).unwrap()
        };
        let current = root("current");
        let server = leaf(&current, "web", &["web.shop.svc"], now);
        Self { next: root("next"), unknown: root("unknown"), server, current }
    }

    /// Everything that a probe can present.
    pub fn credentials(&self) -> ProbeCredentials {
        ProbeCredentials {
            mesh: credential(&self.current),
            next: Some(("r2".into(), credential(&self.next))),
            untrusted: Some(credential(&self.unknown)),
        }
    }

    /// What the server serves.
    pub fn served(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        (chain(&self.server), PrivateKeyDer::from_pem_slice(self.server.key_pem.as_bytes()).unwrap())
    }
}

/// The roots that a server trusts.
pub fn trust(roots: &[&Authority]) -> String {
    roots.iter().map(|root| root.bundle().to_pem()).collect()
}

/// The same, as rustls wants it.
pub fn store(roots: &[&Authority]) -> Arc<RootCertStore> {
    let mut store = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(trust(roots).as_bytes()) {
        store.add(root.unwrap()).unwrap();
    }
    Arc::new(store)
}

fn leaf(authority: &Authority, name: &str, dns_names: &[&str], now: Timestamp) -> IssuedLeaf {
    let algorithm = KeyAlgorithm::EcdsaP256;
    let profile = LeafProfile {
        spiffe_id: SpiffeId::new(&"cluster.local".parse().unwrap(), "shop", name),
        dns_names: dns_names.iter().map(|name| (*name).to_owned()).collect(),
        ip_addresses: Vec::new(),
        key_algorithm: algorithm,
        common_name: CommonName::None,
    };
    let window = Validity::leaf(now, SignedDuration::from_mins(30), authority.window());
    let key = PrivateKey::generate(algorithm).unwrap();
    authority.issue(&profile, key, window, Serial::random().unwrap()).unwrap()
}

fn chain(leaf: &IssuedLeaf) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(leaf.chain_pem.as_bytes()).map(Result::unwrap).collect()
}

fn credential(authority: &Authority) -> Arc<CertifiedKey> {
    let issued = leaf(authority, PROBE, &[], Clock::system().now());
    let key = PrivateKeyDer::from_pem_slice(issued.key_pem.as_bytes()).unwrap();
    let key = aws_lc_rs::default_provider().key_provider.load_private_key(key).unwrap();
    Arc::new(CertifiedKey::new(chain(&issued), key))
}

/// Probes the server that this dialer leads to.
pub async fn probe(dialer: Dialer, limits: Limits) -> Observation {
    let prober = EndpointProber { dialer, limits, metrics: ProbeMetrics::default() };
    let endpoint = ProbedEndpoint {
        address: "10.0.0.7:8443".parse().unwrap(),
        name: ServerName::try_from("web.shop.svc").unwrap(),
    };
    prober.probe(&endpoint, &MESH.credentials()).await
}

/// Long enough for processes on a busy machine, and short where a server does not answer.
pub fn patient() -> Limits {
    Limits {
        handshake: Duration::from_mins(1),
        settle: Duration::from_millis(50),
        close: Duration::from_mins(1),
    }
}

/// How each client was treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcomes {
    pub mesh: ClientOutcome,
    pub next: Option<ClientOutcome>,
    pub without_certificate: ClientOutcome,
    pub unrelated_root: ClientOutcome,
}

/// The outcomes of a server that presents the certificate it was given.
pub fn outcomes(observation: &Observation) -> Outcomes {
    let Observation::Server(ObservedServer { leaf, mesh, next, untrusted }) = observation else {
        panic!("no server was observed: {observation:?}")
    };
    let leaf = leaf.as_ref().expect("it served one of ours");
    assert_eq!(leaf.serial, MESH.server.leaf.serial.to_string());
    assert_eq!(leaf.key_id, MESH.current.key_id().to_string());
    assert_eq!(leaf.not_after, MESH.server.leaf.window.not_after);
    assert_eq!(leaf.spiffe_id, "spiffe://cluster.local/ns/shop/sa/web");
    let UntrustedClients { without_certificate, unrelated_root } =
        untrusted.expect("untrusted clients were tried");
    let of = |next: &NextRootOutcome| {
        assert_eq!(next.root, "r2");
        next.outcome
    };
    Outcomes { mesh: *mesh, next: next.as_ref().map(of), without_certificate, unrelated_root }
}

pub const UNKNOWN: ClientOutcome = ClientOutcome::Refused(TlsAlert::UnknownRoot);

/// Whether a client was refused by an alert, whichever.
pub fn is_refused(outcome: ClientOutcome) -> bool {
    matches!(outcome, ClientOutcome::Refused(_))
}

/// A server that trusts the current root, and the next one or not, and no other.
pub fn assert_strict(observation: &Observation, trusts_next: bool, case: &str) {
    let seen = outcomes(observation);
    assert_eq!(seen.mesh, ClientOutcome::Accepted, "{case}");
    if trusts_next {
        assert_eq!(seen.next, Some(ClientOutcome::Accepted), "{case}");
    } else {
        assert!(seen.next.is_some_and(is_refused), "{case}: {seen:?}");
    }
    assert!(is_refused(seen.without_certificate) && is_refused(seen.unrelated_root), "{case}: {seen:?}");
}
