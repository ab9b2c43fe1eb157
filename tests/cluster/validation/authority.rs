//! Every rule of an MtlsAuthority refuses a bad object, in words that say what to do.

use serde_json::{Value, json};
use test_support::cluster::TestCluster;

use super::dry_run::{Validation, judge_authority};
use super::{Table, all_namespaces, many_grants};

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
async fn every_rule_of_an_authority_refuses_in_words() {
    let namespace = TestCluster::shared().namespace().await;
    let mut validation = Validation::default();
    let tables = [
        bad_roots(),
        bad_limits(),
        bad_publications(),
        bad_selectors(),
        bad_distrusted_roots(),
        bad_grants(),
    ];
    for (spec, words) in tables.into_iter().flatten() {
        validation.expect(&spec, words, judge_authority(&namespace, "bad", Some(&spec)).await);
    }
    let dotted = judge_authority(&namespace, "a.b", None).await;
    validation.expect(&json!("a.b"), "metadata.name must be a DNS label", dotted);
    validation.close(include_str!("../../../crds/mtls-operator.dev_mtlsauthorities.yaml"));
}
