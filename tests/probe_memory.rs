//! Memory of what is known for probes: counted by the allocator of this program, whose only test runs alone.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "the measured figures are printed")]

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mtls_operator::api::MtlsIdentity;
use mtls_operator::operator::probe::candidates::Sweep;
use mtls_operator::operator::probe::handshake::{Limits, handshake};
use mtls_operator::operator::probe::store::ProbeState;
use mtls_operator::plan::probe::observation::{
    ClientOutcome, NextRootOutcome, Observation, ObservedServer, ServedLeaf,
};
use mtls_operator::plan::probe::rate::ProbeRate;
use mtls_operator::plan::probe::schedule::ProbeRecord;
use mtls_operator::plan::probe::verdict::{Expected, NextRoot};
use peak_alloc::PeakAlloc;
use rustls::pki_types::ServerName;
use serde_json::json;
use tokio::io::duplex;
use tokio::task::yield_now;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

const IDENTITIES: usize = 2000;
const SESSIONS: usize = 100;

/// An identity as the API server shows it: issued, with the managed fields of its writers.
fn identity(number: usize, message: &str) -> MtlsIdentity {
    let (name, since) = (format!("web-{number:05}"), "2026-07-01T10:00:00Z");
    let fields: serde_json::Map<_, _> =
        (0..60).map(|field| (format!("f:field-{field}"), json!({ ".": {}, "f:value": {} }))).collect();
    let condition = |type_: &str, reason: &str, message: &str| {
        json!({ "type": type_, "status": "True", "reason": reason, "message": message,
            "lastTransitionTime": since, "observedGeneration": 1 })
    };
    let identity = json!({
        "apiVersion": "mtls-operator.dev/v1alpha1", "kind": "MtlsIdentity",
        "metadata": {
            "name": name, "namespace": "orders", "uid": format!("0b2f6f0a-6a53-4b0b-9f0e-{number:012}"),
            "resourceVersion": (100_000 + number).to_string(), "generation": 1, "creationTimestamp": since,
            "labels": { "app.kubernetes.io/name": name },
            "managedFields": [{ "manager": "mtls-operator", "operation": "Update", "fieldsV1": fields }],
        },
        "spec": { "probes": [{ "name": "tls", "serviceName": name, "targetPort": 8443 }] },
        "status": {
            "observedGeneration": 1, "spiffeID": format!("spiffe://cluster.local/ns/orders/sa/{name}"),
            "dnsNames": [format!("{name}.orders.svc"), format!("{name}.orders.svc.cluster.local")],
            "serial": format!("5e{number:038}"), "notBefore": since, "notAfter": since, "renewalTime": since,
            "authorityKeyID": "a1".repeat(20), "secret": { "name": format!("{name}-mtls"), "resourceVersion": "7" },
            "conditions": [
                condition("Ready", "Issued", message),
                condition("Serving", "ServesAsIssued", "every endpoint (3) presents the certificate as issued and is as it should be"),
            ],
            "served": { "endpoints": 3, "asIssued": 3 },
        },
    });
    serde_json::from_value(identity).unwrap()
}

/// Octets that are kept for each identity.
fn octets_of(message: &str) -> usize {
    let mut probes = ProbeState::default();
    let before = HEAP.current_usage();
    for number in 0..IDENTITIES {
        probes.apply(&identity(number, message));
    }
    let octets = (HEAP.current_usage() - before) / IDENTITIES;
    assert_eq!(probes.identities.len(), IDENTITIES);
    octets
}

/// The state with so many endpoints of each of these identities, all of which were probed.
fn probed(identities: usize, pods_of_each: usize) -> ProbeState {
    let (mut state, mut sweep) = (ProbeState::default(), Sweep::default());
    for number in 0..identities {
        state.apply(&identity(number, "valid"));
        let pod = |pod| {
            json!({ "addresses": [format!("10.{}.{}.{pod}", number / 250, number % 250)],
            "targetRef": { "kind": "Pod", "namespace": "orders" } })
        };
        let slice = json!({
            "metadata": { "name": format!("web-{number:05}-x"), "namespace": "orders", "labels": {
                "kubernetes.io/service-name": format!("web-{number:05}"),
                "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
            } },
            "addressType": "IPv4", "ports": [{ "port": 8443 }],
            "endpoints": (0..pods_of_each).map(pod).collect::<Vec<_>>(),
        });
        state.slices.apply(&serde_json::from_value(slice).unwrap());
    }
    for seconds in [1, 2] {
        let now = Duration::from_secs(seconds);
        for candidate in state.take_candidates(&mut sweep, now) {
            state.decide(&candidate, Some(&expected()), now);
        }
        while let Some((candidate, key)) = state.take_due(now, 32) {
            let record =
                ProbeRecord::new(key.address, observation(), Timestamp::UNIX_EPOCH, now, &expected());
            state.record(&candidate.name, &key, record);
        }
    }
    state
}

fn expected() -> Expected {
    Expected {
        serial: "5e".repeat(20),
        spiffe_id: "spiffe://cluster.local/ns/orders/sa/web-00001".into(),
        issued_at: Timestamp::UNIX_EPOCH,
        propagation: SignedDuration::from_mins(5),
        next: Some(NextRoot { fingerprint: "ab".repeat(32), since: Timestamp::UNIX_EPOCH }),
        allows_untrusted: false,
    }
}

/// A server that is as expected, while a root is announced.
fn observation() -> Observation {
    let leaf = ServedLeaf {
        serial: expected().serial,
        key_id: "a1".repeat(20),
        not_after: Timestamp::UNIX_EPOCH,
        spiffe_id: expected().spiffe_id,
    };
    Observation::Server(ObservedServer {
        leaf: Some(leaf),
        mesh: ClientOutcome::Accepted,
        next: Some(NextRootOutcome { root: "ab".repeat(32), outcome: ClientOutcome::Accepted }),
        untrusted: None,
    })
}

/// Octets that are kept for each endpoint, beyond those for its identity.
fn octets_of_endpoint() -> usize {
    let used = |pods_of_each| {
        let before = HEAP.current_usage();
        let state = probed(IDENTITIES / 10, pods_of_each);
        let used = HEAP.current_usage() - before;
        assert_eq!(state.endpoints(), IDENTITIES / 10 * pods_of_each);
        used
    };
    (used(30) - used(10)) / (IDENTITIES / 10 * 20)
}

/// Octets that a session takes whose server accepts the connection and says nothing.
async fn octets_of_session() -> usize {
    let (before, mut ends) = (HEAP.current_usage(), Vec::new());
    let name = ServerName::try_from("web.orders.svc").unwrap();
    for _ in 0..SESSIONS {
        let (here, there) = duplex(64);
        ends.push(there);
        tokio::spawn(handshake(Box::new(here), name.clone(), None, Limits::default()));
    }
    for _ in 0..10 {
        yield_now().await;
    }
    (HEAP.current_usage() - before) / SESSIONS
}

#[tokio::test]
async fn identities_and_endpoints_cost_hundreds_of_octets_whatever_is_in_them_and_sessions_little() {
    let octets = octets_of("the certificate is valid until 2026-07-02T10:00:00Z");
    let verbose = octets_of(&"a".repeat(30_000));
    println!("{octets} octets for each probed identity; {verbose} where a condition has 30 kB");
    assert!(octets <= 900, "{octets} octets");
    assert!(verbose <= 900, "{verbose} octets where a condition has 30 kB");
    let endpoint = octets_of_endpoint();
    println!("{endpoint} octets for each endpoint");
    assert!(endpoint <= 900, "{endpoint} octets");
    let session = octets_of_session().await;
    println!("{session} octets for each session");
    assert!(session * ProbeRate::MAX.at_once <= 16 << 20, "{session} octets");
}
