//! With a list of namespaces the operator serves these alone, and has no rights anywhere else.

use serde_json::json;
use test_support::cluster::TestCluster;
use test_support::installation::OPERATOR;
use test_support::namespace::TestNamespace;
use test_support::wait::wait;

use crate::bundle::config_maps;
use crate::leaf_content::Content;

#[tokio::test]
async fn an_operator_of_one_namespace_serves_it_with_the_rights_to_it_alone() {
    let cluster = TestCluster::without_operator(&["watchNamespaces={default}"]);
    cluster.start_operator_as(OPERATOR, &["--watch-namespace", "default"]);
    let (elsewhere, here) =
        (cluster.namespace().await, TestNamespace { client: cluster.client().await, name: "default".into() });
    elsewhere.create("cart", json!({})).await;
    here.create("cart", json!({})).await;
    here.ready("cart").await;
    Content::of(&here.secret("cart-mtls").await);
    let everywhere = json!({ "spec": { "trustBundle": { "namespaces": { "from": "All" } } } });
    here.patch_authority("mesh", everywhere).await.unwrap();
    let name = "mesh-trust-bundle";
    wait(config_maps(&here), name, "the bundle", |found| found.map(drop)).await;
    assert_eq!(config_maps(&elsewhere).get_opt(name).await.unwrap(), None);
    here.patch("cart", json!({ "metadata": { "annotations": { "mtls-operator.dev/renew": "now" } } }))
        .await
        .unwrap();
    let is_renewed = |identity: &mtls_operator::api::MtlsIdentity| {
        identity.status.as_ref().is_some_and(|status| status.revision == Some(2))
    };
    here.identity_where("cart", "the renewal", is_renewed).await;
    let other = elsewhere.identities().get("cart").await.unwrap();
    assert_eq!(
        other.status.and_then(|status| status.observed_generation),
        Some(-1),
        "the identity was not reconciled"
    );
    assert_eq!(elsewhere.secrets().get_opt("cart-mtls").await.unwrap(), None);
    let log = cluster.operator_log();
    let refused: Vec<&str> = log.lines().filter(|line| line.contains("forbidden")).collect();
    assert!(refused.is_empty(), "{refused:?}");
}
