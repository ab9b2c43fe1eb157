//! Every rule of an MtlsIdentity refuses a bad object, in words that say what to do.

use serde_json::{Value, json};
use test_support::cluster::TestCluster;

use super::dry_run::{Validation, judge_identity};
use super::{Table, numbered, pairs};

fn bad_names() -> Table {
    vec![
        (json!({ "authorityRef": { "name": "" } }), "spec.authority"),
        (json!({ "authorityRef": { "name": "Mesh" } }), "spec.authorityRef.name must be a DNS label"),
        (json!({ "serviceAccountName": "Bad!" }), "spec.serviceAccountName must be the name of an object"),
        (json!({ "serviceAccountName": "a..b" }), "spec.serviceAccountName must be the name of an object"),
        (
            json!({ "services": ["a", "a.b"] }),
            "spec.services[1]: Invalid value: \"a.b\": must be a DNS label",
        ),
        (json!({ "services": ["a", "a"] }), "spec.services[1]: Duplicate value: \"a\""),
        (json!({ "services": numbered("s", 33) }), "must have at most 32 items"),
        (
            json!({ "dnsNames": ["a.b.c", "a.b.d", "a.b.e", "a..b"] }),
            "spec.dnsNames[3]: Invalid value: \"a..b\": must be a DNS name",
        ),
        (
            json!({ "dnsNames": ["*.*.example.com"] }),
            "spec.dnsNames[0]: Invalid value: \"*.*.example.com\": must be a DNS name",
        ),
        (json!({ "dnsNames": ["10.0.0.1"] }), "\"10.0.0.1\": must not end in a number: that is an address"),
        (json!({ "dnsNames": ["a.0x1f"] }), "\"a.0x1f\": must not end in a number"),
        (json!({ "dnsNames": ["*.example"] }), "must have two labels or more after '*.'"),
        (json!({ "dnsNames": [""] }), "spec.dnsNames[0]"),
        (json!({ "dnsNames": numbered("a", 65) }), "must have at most 64 items"),
        (
            json!({ "ipAddresses": ["nowhere"] }),
            "spec.ipAddresses[0]: Invalid value: \"nowhere\": must be an IPv4 or IPv6 address, such as 10.0.0.7",
        ),
        (json!({ "ipAddresses": ["FD00:0::7"] }), "must be in canonical form (RFC 5952): fd00::7"),
        (json!({ "ipAddresses": ["10.0.0.1", "10.0.0.1"] }), "Duplicate value"),
        (json!({ "ipAddresses": numbered("10.0.0.", 17) }), "must have at most 16 items"),
    ]
}

fn bad_times_and_keys() -> Table {
    vec![
        (json!({ "ttl": "1d" }), "spec.ttl must be a duration of whole numbers"),
        (json!({ "ttl": "1.5h" }), "spec.ttl must be a duration of whole numbers"),
        (json!({ "ttl": "30s" }), "spec.ttl must be at least 1m"),
        (json!({ "renewBefore": "soon" }), "spec.renewBefore must be a duration of whole numbers"),
        (json!({ "renewBefore": "5s" }), "spec.renewBefore must be at least 10s"),
        (json!({ "ttl": "1h", "renewBefore": "31m" }), "spec.renewBefore must be at most half of spec.ttl"),
        (
            json!({ "privateKey": { "algorithm": "DSA" } }),
            "supported values: \"ECDSAP256\", \"ECDSAP384\", \"ED25519\"",
        ),
        (json!({ "paused": "yes" }), "spec.paused in body must be of type boolean"),
    ]
}

fn bad_secrets() -> Table {
    vec![
        (json!({ "secret": { "name": "Bad_Name" } }), "spec.secret.name must be the name of an object"),
        (json!({ "secret": { "name": "a..b" } }), "spec.secret.name must be the name of an object"),
        (json!({ "secret": { "name": "a.-b" } }), "spec.secret.name must be the name of an object"),
        (json!({ "secret": { "name": "x".repeat(254) } }), "Too long: may not be more than 253 bytes"),
        (
            json!({ "secret": { "labels": { "-/a": "x" } } }),
            "spec.secret.labels must have valid Kubernetes label keys",
        ),
        (
            json!({ "secret": { "annotations": { "a../b": "x" } } }),
            "spec.secret.annotations must have valid Kubernetes annotation keys",
        ),
        (
            json!({ "secret": { "annotations": { (format!("{}/b", "x".repeat(254))): "x" } } }),
            "spec.secret.annotations must have valid Kubernetes annotation keys",
        ),
        (
            json!({ "secret": { "labels": { "a b": "x" } } }),
            "spec.secret.labels must have valid Kubernetes label keys",
        ),
        (
            json!({ "secret": { "labels": { "a": "b c" } } }),
            "spec.secret.labels must have valid Kubernetes label values",
        ),
        (json!({ "secret": { "labels": pairs(17) } }), "must have at most 16 items"),
        (
            json!({ "secret": { "annotations": { "/": "x" } } }),
            "spec.secret.annotations must have valid Kubernetes annotation keys",
        ),
        (json!({ "secret": { "annotations": pairs(17) } }), "must have at most 16 items"),
        (
            json!({ "secret": { "annotations": { "a": "x".repeat(4097) } } }),
            "Too long: may not be more than 4096 bytes",
        ),
        (json!({ "secret": { "reclaim": "Keep" } }), "supported values: \"Delete\", \"Retain\""),
    ]
}

fn reserved_keys() -> Table {
    vec![
        (
            json!({ "secret": { "labels": { "app.kubernetes.io/managed-by": "me" } } }),
            "spec.secret.labels must not have keys below mtls-operator.dev/",
        ),
        (
            json!({ "secret": { "annotations": { "mtls-operator.dev/serial": "0" } } }),
            "spec.secret.annotations must not have keys below mtls-operator.dev/",
        ),
    ]
}

fn bad_probes() -> Table {
    let probes = |service: &str, port: i64| json!({ "probes": [{ "name": "tls", "serviceName": service, "targetPort": port }] });
    let changed = |field: &str, value: Value| {
        let mut spec = probes("web", 8443);
        spec["probes"][0][field] = value;
        spec
    };
    let probe = |name: String| json!({ "name": name, "serviceName": "web", "targetPort": 8443 });
    let many: Vec<Value> = numbered("p", 9).into_iter().map(probe).collect();
    vec![
        (probes("web", 0), "spec.probes[0].targetPort in body should be greater than or equal to 1"),
        (probes("web", 65_536), "spec.probes[0].targetPort in body should be less than or equal to 65535"),
        (probes("other/web", 8443), "serviceName must be a DNS label"),
        (probes("", 8443), "spec.probes[0].serviceName in body should be at least 1 chars long"),
        (changed("name", json!("A")), "the name of a probe must be a DNS label"),
        (
            json!({ "probes": [{ "name": "tls", "serviceName": "web" }] }),
            "spec.probes[0].targetPort: Required value",
        ),
        (
            json!({ "probes": [{ "name": "tls", "targetPort": 1 }] }),
            "spec.probes[0].serviceName: Required value",
        ),
        (
            json!({ "probes": [{ "serviceName": "web", "targetPort": 1 }] }),
            "spec.probes[0].name: Required value",
        ),
        (changed("clientCertificates", json!("Perhaps")), "supported values: \"Required\", \"NotChecked\""),
        (json!({ "probes": [probe("a".into()), probe("a".into())] }), "spec.probes[1]: Duplicate value"),
        (json!({ "probes": many }), "must have at most 8 items"),
    ]
}

#[tokio::test]
async fn every_rule_of_an_identity_refuses_in_words() {
    let namespace = TestCluster::shared().namespace().await;
    let mut validation = Validation::default();
    let tables = [bad_names(), bad_times_and_keys(), bad_secrets(), reserved_keys(), bad_probes()];
    for (spec, words) in tables.into_iter().flatten() {
        validation.expect(&spec, words, judge_identity(&namespace, "cart", Some(&spec)).await);
    }
    let dotted = judge_identity(&namespace, "a.b", None).await;
    validation.expect(&json!("a.b"), "metadata.name must be a DNS label", dotted);
    validation.close(include_str!("../../../crds/mtls-operator.dev_mtlsidentities.yaml"));
}
