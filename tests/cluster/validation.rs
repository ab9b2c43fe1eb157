//! A bad object is refused by the API server itself, with a sentence that says what to do; an empty one is complete.

use serde_json::{Value, json};
use test_support::cluster::TestCluster;

use crate::dry_run::{Validation, judge_authority, judge_identity};

fn numbered(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{prefix}{number}")).collect()
}

fn pairs(count: usize) -> Value {
    numbered("k", count).into_iter().map(|key| (key, json!("v"))).collect()
}

/// Bad specs, with the words that a user reads.
type Table = Vec<(Value, &'static str)>;

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
async fn every_rule_of_an_identity_is_told_in_words() {
    let namespace = TestCluster::shared().namespace().await;
    let mut hearing = Validation::default();
    let tables = [bad_names(), bad_times_and_keys(), bad_secrets(), reserved_keys(), bad_probes()];
    for (spec, words) in tables.into_iter().flatten() {
        hearing.expect(&spec, words, judge_identity(&namespace, "cart", Some(&spec)).await);
    }
    let dotted = judge_identity(&namespace, "a.b", None).await;
    hearing.expect(&json!("a.b"), "metadata.name must be a DNS label", dotted);
    hearing.close(include_str!("../../crds/mtls-operator.dev_mtlsidentities.yaml"));
}

fn bad_roots() -> Table {
    vec![
        (json!({ "trustDomain": "Example" }), "spec.trustDomain must be lower-case letters"),
        (json!({ "trustDomain": "a..b" }), "spec.trustDomain must be lower-case letters"),
        (json!({ "trustDomain": ".a" }), "spec.trustDomain must be lower-case letters"),
        (json!({ "clusterDomain": "k8s.1" }), "spec.clusterDomain must not end in a number"),
        (json!({ "clusterDomain": "a..b" }), "spec.clusterDomain must be a DNS name"),
        (json!({ "root": { "secretName": "Bad_" } }), "spec.root.secretName must be the name of an object"),
        (json!({ "root": { "secretName": "a..b" } }), "spec.root.secretName must be the name of an object"),
        (
            json!({ "root": { "provided": { "secretName": "a..b" } } }),
            "spec.root.provided.secretName must be the name of an object",
        ),
        (
            json!({ "root": { "secretName": "x", "provided": { "secretName": "x" } } }),
            "spec.root.provided.secretName must not be the root Secret",
        ),
        (
            json!({ "root": { "provided": { "secretName": "mtls-authority-bad" } } }),
            "spec.root.provided.secretName must not be the root Secret",
        ),
        (
            json!({ "root": { "provided": { "secretName": "corporate-ca" } } }),
            "spec.trustDomain must be one of your own with spec.root.provided",
        ),
        (json!({ "root": { "algorithm": "RSA2048" } }), "supported values: \"ECDSAP256\", \"ECDSAP384\""),
        (json!({ "root": { "ttl": "5m" } }), "spec.root.ttl must be at least 10m"),
        (json!({ "root": { "ttl": "1y" } }), "spec.root.ttl must be a duration of whole numbers"),
        (json!({ "root": { "ttl": "1000h" } }), "spec.root.ttl must be at least six times the sum"),
        (
            json!({ "root": { "renewBefore": "300h" } }),
            "spec.root.renewBefore must be at least twice the sum",
        ),
        (json!({ "root": { "renewBefore": "5000h" } }), "spec.root.renewBefore must be at most half"),
        (
            json!({ "root": { "renewBefore": "1y" } }),
            "spec.root.renewBefore must be a duration of whole numbers",
        ),
    ]
}

fn bad_limits() -> Table {
    vec![
        (json!({ "leaf": { "ttl": "30s" } }), "spec.leaf.ttl must be at least 1m"),
        (
            json!({ "leaf": { "ttl": "48h", "maxTTL": "24h" } }),
            "spec.leaf.ttl must be at most spec.leaf.maxTTL",
        ),
        (
            json!({ "leaf": { "ttl": "10m" } }),
            "spec.leaf.ttl must be at least three times spec.rotation.propagation",
        ),
        (json!({ "leaf": { "ttl": "1d" } }), "spec.leaf.ttl must be a duration of whole numbers"),
        (json!({ "leaf": { "maxTTL": "7d" } }), "spec.leaf.maxTTL must be a duration of whole numbers"),
        (json!({ "leaf": { "algorithms": [] } }), "should have at least 1 items"),
        (json!({ "leaf": { "algorithms": ["ED25519", "ED25519"] } }), "Duplicate value"),
        (
            json!({ "rotation": { "spreadOver": "1d" } }),
            "spec.rotation.spreadOver must be a duration of whole numbers",
        ),
        (
            json!({ "rotation": { "propagation": "soon" } }),
            "spec.rotation.propagation must be a duration of whole numbers",
        ),
        (json!({ "rotation": { "propagation": "5s" } }), "spec.rotation.propagation must be at least 10s"),
    ]
}

fn bad_publications() -> Table {
    let named = |name: &str| json!({ "trustBundle": { "configMapName": name } });
    let cluster = |propagation: &str| json!({ "trustBundle": { "clusterTrustBundle": true }, "rotation": { "propagation": propagation } });
    vec![
        (named(""), "spec.trustBundle.configMapName"),
        (named("a..b"), "spec.trustBundle.configMapName must be the name of an object"),
        (named(&"x".repeat(254)), "Too long: may not be more than 253 bytes"),
        (named("kube-root-ca.crt"), "spec.trustBundle.configMapName must not be kube-root-ca.crt"),
        (
            cluster("9m59s"),
            "spec.rotation.propagation must be at least 10m with spec.trustBundle.clusterTrustBundle",
        ),
        (
            json!({ "trustBundle": { "namespaces": { "matchExpressions": [{ "key": "a", "operator": "In" }] } } }),
            "values must be given for the operators In and NotIn, and only for them",
        ),
        (json!({ "trustBundle": { "clusterTrustBundle": "yes" } }), "must be of type boolean"),
    ]
}

fn all_namespaces(name: &str) -> Value {
    json!({ "name": name, "namespaces": { "from": "All" } })
}

fn many_grants(count: usize) -> Vec<Value> {
    numbered("g", count).iter().map(|name| all_namespaces(name)).collect()
}

fn bad_selectors() -> Table {
    vec![
        (
            json!({ "namespaces": { "matchExpressions": [{ "key": "a", "operator": "In" }] } }),
            "values must be given for the operators In and NotIn, and only for them",
        ),
        (
            json!({ "namespaces": { "matchExpressions": [{ "key": "a", "operator": "Exists", "values": ["b"] }] } }),
            "values must be given for the operators In and NotIn, and only for them",
        ),
        (
            json!({ "namespaces": { "matchExpressions": [{ "key": "a", "operator": "Gt" }] } }),
            "supported values: \"In\", \"NotIn\"",
        ),
        (
            json!({ "namespaces": { "matchLabels": { "a": "x".repeat(64) } } }),
            "Too long: may not be more than 63 bytes",
        ),
        (
            json!({ "namespaces": { "matchExpressions": [{ "key": "a b", "operator": "Exists" }] } }),
            "spec.namespaces.matchExpressions[0].key in body should match",
        ),
        (json!({ "namespaces": {} }), "say from: All, or give matchLabels or matchExpressions"),
        (json!({ "namespaces": { "from": "Selector" } }), "say from: All, or give matchLabels"),
        (json!({ "namespaces": { "from": "All", "matchLabels": { "a": "b" } } }), "say from: All, or give"),
        (json!({ "namespaces": { "from": "Some" } }), "supported values: \"All\", \"Selector\""),
        (json!({ "trustBundle": { "namespaces": {} } }), "say from: All, or give matchLabels"),
    ]
}

fn bad_distrusted_roots() -> Table {
    vec![
        (json!({ "distrustedRoots": [{ "fingerprint": "ab".repeat(31) }] }), "spec.distrustedRoots[0]"),
        (
            json!({ "distrustedRoots": [{ "fingerprint": format!("ab:{}", "cd".repeat(31)) }] }),
            "must be a SHA-256 fingerprint",
        ),
        (json!({ "distrustedRoots": [{}] }), "spec.distrustedRoots[0].fingerprint: Required value"),
    ]
}

fn bad_grants() -> Table {
    let grant = |grant: Value| json!({ "grants": [grant] });
    vec![
        (json!({ "grants": many_grants(513) }), "must have at most 512 items"),
        (
            grant(json!({ "name": "a", "dnsNames": ["a.example"] })),
            "spec.grants[0].namespaces: Required value",
        ),
        (grant(json!({ "namespaces": { "from": "All" } })), "spec.grants[0].name: Required value"),
        (
            grant(json!({ "name": "A", "namespaces": { "from": "All" } })),
            "the name of a grant must be a DNS label",
        ),
        (grant(json!({ "name": "a", "namespaces": {} })), "say from: All, or give matchLabels"),
        (
            json!({ "grants": [all_namespaces("a"), all_namespaces("a")] }),
            "spec.grants[1]: Duplicate value: {\"name\":\"a\"}",
        ),
        (
            grant(json!({ "name": "a", "namespaces": { "from": "All" }, "dnsNames": ["a.*.example"] })),
            "spec.grants[0].dnsNames[0] in body should match",
        ),
        (
            grant(json!({ "name": "a", "namespaces": { "from": "All" }, "cidrs": ["10.0.0.1"] })),
            "spec.grants[0].cidrs[0]: Invalid value: \"10.0.0.1\": must be an address range, such as 10.0.0.0/24",
        ),
        (
            grant(json!({ "name": "a", "namespaces": { "from": "All" }, "cidrs": ["10.0.0.7/24"] })),
            "must be in canonical form, without bits behind the prefix",
        ),
    ]
}

#[tokio::test]
async fn every_rule_of_an_authority_is_told_in_words() {
    let namespace = TestCluster::shared().namespace().await;
    let mut hearing = Validation::default();
    let tables = [
        bad_roots(),
        bad_limits(),
        bad_publications(),
        bad_selectors(),
        bad_distrusted_roots(),
        bad_grants(),
    ];
    for (spec, words) in tables.into_iter().flatten() {
        hearing.expect(&spec, words, judge_authority(&namespace, "bad", Some(&spec)).await);
    }
    let dotted = judge_authority(&namespace, "a.b", None).await;
    hearing.expect(&json!("a.b"), "metadata.name must be a DNS label", dotted);
    hearing.close(include_str!("../../crds/mtls-operator.dev_mtlsauthorities.yaml"));
}

#[tokio::test]
async fn an_empty_or_absent_spec_has_every_default() {
    let namespace = TestCluster::shared().namespace().await;
    for spec in [None, Some(json!({}))] {
        let identity = judge_identity(&namespace, "cart", spec.as_ref()).await.unwrap();
        let expected = json!({
            "authorityRef": { "name": "mesh" }, "dnsNames": [], "ipAddresses": [], "probes": [], "paused": false,
            "privateKey": { "algorithm": "ECDSAP256" },
            "subject": { "commonName": "None" },
            "secret": { "labels": {}, "annotations": {}, "reclaim": "Delete" }
        });
        assert_eq!(identity["spec"], expected, "{spec:?}");
        assert_eq!(identity["status"], json!({ "observedGeneration": -1 }));
        let authority = judge_authority(&namespace, "ca", spec.as_ref()).await.unwrap();
        let algorithms = ["ECDSAP256", "ECDSAP384", "ED25519", "RSA2048", "RSA3072", "RSA4096"];
        let expected = json!({
            "trustDomain": "cluster.local", "clusterDomain": "cluster.local", "grants": [], "distrustedRoots": [],
            "namespaces": { "from": "All" },
            "root": { "algorithm": "ECDSAP256", "ttl": "8760h" },
            "leaf": { "ttl": "24h", "maxTTL": "168h", "algorithms": algorithms },
            "rotation": { "propagation": "5m", "spreadOver": "24h" },
            "trustBundle": { "clusterTrustBundle": false }
        });
        assert_eq!(authority["spec"], expected, "{spec:?}");
    }
}

/// Names at the edge of what the rules let through.
#[tokio::test]
async fn what_is_sound_is_not_refused() {
    let namespace = TestCluster::shared().namespace().await;
    let prefix = [&"x".repeat(63), "y", &"z".repeat(63)].join(".");
    let identity = json!({
        "serviceAccountName": "a.b-c.d", "services": ["0", "a".repeat(63)],
        "dnsNames": ["*.example.com", "x.0x1g", "1.2.a"],
        "secret": {
            "name": "x".repeat(253),
            "labels": { "a": "", "example.com/A_b.c": "x", (format!("{prefix}/{}", "n".repeat(63))): "x" },
            "annotations": { (format!("{}/b", "x".repeat(253))): "any text" },
        },
    });
    judge_identity(&namespace, "0", Some(&identity)).await.unwrap();
    let authority = json!({
        "trustDomain": "prod_1.example", "clusterDomain": "0.example",
        "root": { "secretName": "a.b", "provided": { "secretName": "a-b" } },
        "namespaces": { "matchExpressions": [{ "key": "kubernetes.io/metadata.name", "operator": "Exists" }] },
        "distrustedRoots": [{ "fingerprint": "ab".repeat(32) }, { "fingerprint": vec!["AB"; 32].join(":") }],
        "grants": many_grants(512),
        "trustBundle": { "configMapName": "x".repeat(253), "namespaces": { "from": "All" }, "clusterTrustBundle": true },
        "rotation": { "propagation": "10m" },
    });
    judge_authority(&namespace, "0", Some(&authority)).await.unwrap();
}

/// What was so before may stay: `tests/api_policy/emergency.rs`.
#[tokio::test]
async fn an_authority_in_the_default_trust_domain_gets_no_provided_ca_later_either() {
    let namespace = TestCluster::shared().namespace().await;
    let authority = namespace.unique("ca");
    namespace.create_authority(&authority, json!({})).await;
    let provided = json!({ "spec": { "root": { "provided": { "secretName": "corporate-ca" } } } });
    let said = namespace.patch_authority(&authority, provided).await;
    let said = said.map_or_else(|error| error.to_string(), |_| "accepted".into());
    assert!(said.contains("spec.trustDomain must be one of your own"), "{said}");
}

#[tokio::test]
async fn the_name_of_an_identitys_secret_never_changes() {
    let namespace = TestCluster::shared().namespace().await;
    namespace.create("unset", json!({})).await;
    namespace.create("set", json!({ "secret": { "name": "certs" } })).await;
    for (name, change) in [("unset", json!("x")), ("set", json!("x")), ("set", json!(null))] {
        let said = namespace.patch(name, json!({ "spec": { "secret": { "name": change } } })).await;
        let said = said.map_or_else(|error| error.to_string(), |_| "accepted".into());
        assert!(said.contains("spec.secret.name is immutable"), "{name}, {change}: {said}");
    }
    let said =
        namespace.patch("set", json!({ "spec": { "secret": null } })).await.map(|_| "accepted".to_owned());
    let said = said.unwrap_or_else(|error| error.to_string());
    assert!(said.contains("spec.secret"), "{said}");
}

#[tokio::test]
async fn an_authoritys_root_secret_and_trust_domain_never_change() {
    let namespace = TestCluster::shared().namespace().await;
    let (unset, set) = (namespace.unique("unset"), namespace.unique("set"));
    namespace.create_authority(&unset, json!({})).await;
    namespace.create_authority(&set, json!({ "root": { "secretName": namespace.unique("root") } })).await;
    let secret = |name: Value| json!({ "root": { "secretName": name } });
    let changes = [
        (&unset, secret(json!("x")), "spec.root.secretName is immutable"),
        (&set, secret(json!("x")), "spec.root.secretName is immutable"),
        (&set, secret(json!(null)), "spec.root.secretName is immutable"),
        (&unset, json!({ "trustDomain": "example.org" }), "spec.trustDomain is immutable"),
    ];
    for (name, change, words) in changes {
        let said =
            namespace.patch_authority(name, json!({ "spec": change })).await.map(|_| "accepted".to_owned());
        let said = said.unwrap_or_else(|error| error.to_string());
        assert!(said.contains(words), "{name}, {change}: {said}");
    }
}
