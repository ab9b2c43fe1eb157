//! After a compromise an authority can be changed, whatever rules have been added since it was written.

use serde_json::{Value, json};
use test_support::cluster::TestCluster;

use crate::schema::{golden, today};

const OBJECTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/objects");

/// Applies definitions.
pub fn define(cluster: &TestCluster, definitions: &[Value; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("definitions.json");
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": definitions });
    std::fs::write(&file, list.to_string()).unwrap();
    cluster.kubectl(&["apply", "--server-side", "--force-conflicts", "-f", file.to_str().unwrap()]);
    for plural in ["mtlsauthorities", "mtlsidentities"] {
        let name = format!("crd/{plural}.mtls-operator.dev");
        cluster.kubectl(&["wait", &name, "--for=condition=Established", "--timeout=60s"]);
    }
}

#[test]
fn every_golden_authority_can_be_changed_after_a_compromise_under_todays_rules() {
    let cluster = TestCluster::bare();
    define(&cluster, &golden());
    cluster.kubectl(&["apply", "--validate=strict", "-f", OBJECTS]);
    define(&cluster, &today());
    let authorities = cluster.get(&["mtlsauthorities"]);
    let names: Vec<&str> = authorities["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["metadata"]["name"].as_str())
        .collect();
    assert!(names.len() > 4, "{names:?}");
    let distrust = json!([{ "op": "add", "path": "/spec/distrustedRoots/-", "value": { "fingerprint": "ab".repeat(32) } }]);
    let status = json!({ "status": { "observedGeneration": 1, "rotation": { "phase": "Stable" } } });
    for name in names {
        cluster.kubectl(&["patch", "mtlsauthority", name, "--type=json", "-p", &distrust.to_string()]);
        for note in ["rotate", "accept-root-loss", "rotation-exclude"] {
            cluster.kubectl(&["annotate", "mtlsauthority", name, &format!("mtls-operator.dev/{note}=1")]);
        }
        // A successor of a CA that is lost may have a Secret of its own.
        if cluster.get(&["mtlsauthority", name])["spec"]["root"]["provided"].is_object() {
            let provided = json!({ "spec": { "root": { "provided": { "secretName": "another-ca" } } } });
            let provided = provided.to_string();
            cluster.kubectl(&["patch", "mtlsauthority", name, "--type=merge", "-p", &provided]);
        }
        let patch = status.to_string();
        cluster.kubectl(&[
            "patch",
            "mtlsauthority",
            name,
            "--subresource=status",
            "--type=merge",
            "-p",
            &patch,
        ]);
    }
}
