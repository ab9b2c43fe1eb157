//! Memory of what is known for probes: counted by the allocator of this program, whose only test runs alone.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "the measured figures are printed")]

use mtls_operator::api::MtlsIdentity;
use mtls_operator::operator::probe::store::ProbeState;
use peak_alloc::PeakAlloc;
use serde_json::json;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

const IDENTITIES: usize = 2000;

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

#[test]
fn a_probed_identity_costs_hundreds_of_octets_whatever_its_object_says() {
    let octets = octets_of("the certificate is valid until 2026-07-02T10:00:00Z");
    let verbose = octets_of(&"a".repeat(30_000));
    println!("{octets} octets for each probed identity; {verbose} where a condition has 30 kB");
    assert!(octets <= 900, "{octets} octets");
    assert!(verbose <= 900, "{verbose} octets where a condition has 30 kB");
}
