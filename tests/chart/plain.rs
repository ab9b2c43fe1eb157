//! `deploy/operator.yaml`, applied by kubectl alone to an API server that serves no ClusterTrustBundles: it works there,
//! and an authority that asks for one says why there is none.

use std::sync::OnceLock;

use devcluster::Options;
use serde_json::{Value, json};
use test_support::cluster::TestCluster;
use test_support::installation::SYSTEM;

const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/operator.yaml");
const WEB: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/chart/web.yaml");

/// The control plane of these tests, with the operator running as the service account of the manifest.
fn plain() -> &'static TestCluster {
    static PLAIN: OnceLock<TestCluster> = OnceLock::new();
    PLAIN.get_or_init(|| {
        let unserved = vec!["certificates.k8s.io/v1/clustertrustbundles".to_owned()];
        let cluster = TestCluster::bare_with(Options { unserved, ..Options::default() });
        cluster.kubectl(&["apply", "-f", MANIFEST]);
        cluster.start_operator();
        // It creates this authority only where there is none: a test must not create another one before.
        cluster.kubectl(&["wait", "mtlsauthority/mesh", "--for=create", "--timeout=90s"]);
        cluster
    })
}

#[test]
fn what_the_manifest_contains_issues_an_identity() {
    let plain = plain();
    plain.kubectl(&["apply", "-f", WEB]);
    plain.wait("mtlsidentity/web", "default", "condition=Ready");
    let secret = plain.get(&["secret", "web-mtls", "-n", "default"]);
    assert_eq!(secret["type"], "kubernetes.io/tls");
    // It may be applied again: nothing of it is taken for another's.
    plain.kubectl(&["apply", "-f", MANIFEST]);
    let again = plain.get(&["secret", "web-mtls", "-n", "default"]);
    assert_eq!(again["data"], secret["data"], "the leaf was issued again");
}

#[test]
fn its_pods_would_be_admitted_by_the_restricted_standard_that_it_demands() {
    let plain = plain();
    let namespace = plain.get(&["namespace", SYSTEM]);
    assert_eq!(namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"], "restricted");
    // A Pod that is refused is never made; one that is made stays Pending, for want of a node.
    plain.wait("deployment/mtls-operator", SYSTEM, "jsonpath={.status.updatedReplicas}=2");
}

#[test]
fn an_authority_says_that_cluster_trust_bundles_are_not_served_and_signs() {
    let plain = plain();
    let authority = json!({
        "apiVersion": "mtls-operator.dev/v1alpha1", "kind": "MtlsAuthority", "metadata": { "name": "public" },
        "spec": { "trustBundle": { "clusterTrustBundle": true }, "rotation": { "propagation": "10m" } },
    });
    plain.apply(&authority);
    plain.wait("mtlsauthority/public", SYSTEM, "condition=Published=false");
    plain.wait("mtlsauthority/public", SYSTEM, "condition=Ready");
    let found = plain.get(&["mtlsauthority", "public"]);
    let conditions: Vec<Value> = found["status"]["conditions"].as_array().unwrap().clone();
    let published = conditions.iter().find(|one| one["type"] == "Published").unwrap();
    assert!(published["message"].as_str().unwrap().contains("does not serve"), "{published}");
}
