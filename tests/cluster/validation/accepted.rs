//! What the API server accepts: an empty object gets every default, and names at the edge of the rules pass.

use serde_json::json;
use test_support::cluster::TestCluster;

use super::dry_run::{judge_authority, judge_identity};
use super::many_grants;

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
