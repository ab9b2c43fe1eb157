//! Published bundles are waited for like Secrets: no root signs before every one of them holds it, and those that cannot
//! be written are named.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use mtls_operator::api::MtlsAuthority;
use mtls_operator::api::authority::{Phase, WaitingFor};
use serde_json::{Value, json};
use test_support::cluster::TestCluster;
use test_support::namespace::TestNamespace;
use test_support::wait::{until, wait};

use crate::admission_policy::{DenyPolicy, in_force};
use crate::bundle::{config_maps, publication, published};

pub async fn ask(namespace: &TestNamespace, authority: &str) {
    let patch = json!({ "metadata": { "annotations": { "mtls-operator.dev/rotate": "now" } } });
    namespace.patch_authority(authority, patch).await.unwrap();
}

pub fn phase(found: &MtlsAuthority) -> Option<Phase> {
    found.status.as_ref()?.phase()
}

/// What a rotation waits for, by kind.
pub fn waiting(found: &MtlsAuthority) -> Vec<WaitingFor> {
    let rotation = found.status.as_ref().and_then(|status| status.rotation.clone());
    rotation.unwrap_or_default().waiting_for
}

/// The same, where it waits for so many objects of one kind only, and names these.
pub fn is_waited_for(found: &MtlsAuthority, kind: &str, first: &[String]) -> bool {
    let count = i64::try_from(first.len()).unwrap();
    let only = WaitingFor { kind: kind.into(), count, first: first.to_vec() };
    waiting(found) == [only]
}

fn roots(text: &str) -> usize {
    text.matches("BEGIN CERTIFICATE").count()
}

fn config_map_roots(found: &ConfigMap) -> usize {
    found.data.as_ref().and_then(|data| data.get("ca.crt")).map_or(0, |text| roots(text))
}

#[tokio::test]
async fn a_config_map_that_cannot_be_written_is_waited_for_by_name() {
    let swift = json!({
        "root": { "ttl": "1h" }, "leaf": { "ttl": "1m", "maxTTL": "1m" },
        "rotation": { "propagation": "10s", "spreadOver": "0s" },
    });
    let (namespace, authority) = published(TestCluster::shared(), swift).await;
    let name = format!("{authority}-trust-bundle");
    publication(&namespace, &authority, "Published").await;
    let ban = DenyPolicy::on(&namespace, "", "configmaps", &name).await;
    let touch = Patch::Merge(json!({ "data": { "touch": "me" } }));
    let dry = PatchParams { dry_run: true, ..PatchParams::default() };
    in_force("the policy", async || config_maps(&namespace).patch(&name, &dry, &touch).await.is_err()).await;
    ask(&namespace, &authority).await;
    let bundle = [format!("configmap/{}/{name}", namespace.name)];
    let is_waited_for = |found: &MtlsAuthority| is_waited_for(found, "TrustBundle", &bundle);
    let found = namespace.authority_where(&authority, "the bundle to be waited for", is_waited_for).await;
    assert_eq!(phase(&found), Some(Phase::Announced));
    let said = publication(&namespace, &authority, "Failed").await;
    assert!(said.contains("frozen by a test"), "{said}");
    assert_eq!(config_map_roots(&config_maps(&namespace).get(&name).await.unwrap()), 1);
    ban.lift().await;
    let both = "both roots in the bundle";
    wait(config_maps(&namespace), &name, both, |found| found.filter(|f| config_map_roots(f) == 2).map(drop))
        .await;
    let is_draining = |found: &MtlsAuthority| phase(found) == Some(Phase::Draining);
    namespace.authority_where(&authority, "the next root to sign", is_draining).await;
    let is_stable = |found: &MtlsAuthority| phase(found) == Some(Phase::Stable);
    namespace.authority_where(&authority, "the end of the rotation", is_stable).await;
    let one = "the former root to leave the bundle";
    wait(config_maps(&namespace), &name, one, |found| found.filter(|f| config_map_roots(f) == 1).map(drop))
        .await;
}

fn cluster_bundles(namespace: &TestNamespace) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("certificates.k8s.io", "v1", "ClusterTrustBundle");
    Api::all_with(namespace.client.clone(), &ApiResource::from_gvk(&kind))
}

/// Waits until a ClusterTrustBundle satisfies this condition. `None` is that there is none.
async fn cluster_bundle_where(
    namespace: &TestNamespace,
    name: &str,
    what: &str,
    is_so: impl Fn(Option<&DynamicObject>) -> bool,
) -> Option<DynamicObject> {
    until(what, || async {
        let found = cluster_bundles(namespace).get_opt(name).await.unwrap();
        is_so(found.as_ref()).then_some(found)
    })
    .await
}

fn cluster_roots(found: Option<&DynamicObject>) -> usize {
    found.and_then(|found| found.data["spec"]["trustBundle"].as_str()).map_or(0, roots)
}

async fn edit_cluster_bundle(
    namespace: &TestNamespace,
    name: &str,
    text: Value,
) -> kube::Result<DynamicObject> {
    let patch = Patch::Merge(json!({ "spec": { "trustBundle": text } }));
    cluster_bundles(namespace).patch(name, &PatchParams::default(), &patch).await
}

#[tokio::test]
async fn a_cluster_trust_bundle_is_published_healed_and_waited_for_with_the_charts_rights() {
    let cluster = TestCluster::new(&["trustBundles.clusterTrustBundles=true"]);
    let spec = json!({
        "trustBundle": { "clusterTrustBundle": true },
        "rotation": { "propagation": "10m", "spreadOver": "0s" },
    });
    let (namespace, authority) = published(&cluster, spec).await;
    publication(&namespace, &authority, "Published").await;
    let name = format!("mtls-operator.dev:{authority}:bundle");
    let first =
        cluster_bundle_where(&namespace, &name, "the bundle", |found| cluster_roots(found) == 1).await;
    let first = first.unwrap();
    assert_eq!(first.data["spec"]["signerName"], format!("mtls-operator.dev/{authority}"));
    let one_root = first.data["spec"]["trustBundle"].clone();
    ask(&namespace, &authority).await;
    cluster_bundle_where(&namespace, &name, "both roots", |found| cluster_roots(found) == 2).await;
    edit_cluster_bundle(&namespace, &name, one_root.clone()).await.unwrap();
    cluster_bundle_where(&namespace, &name, "the edit to be undone", |found| cluster_roots(found) == 2).await;
    cluster_bundles(&namespace).delete(&name, &DeleteParams::default()).await.unwrap();
    cluster_bundle_where(&namespace, &name, "a new one", |found| cluster_roots(found) == 2).await;
    // It is deleted and cannot be created again: clients that have loaded what it held may still use that.
    let ban = DenyPolicy::on(&namespace, "certificates.k8s.io", "clustertrustbundles", &name).await;
    in_force("the policy", async || edit_cluster_bundle(&namespace, &name, one_root.clone()).await.is_err())
        .await;
    cluster_bundles(&namespace).delete(&name, &DeleteParams::default()).await.unwrap();
    let bundle = [format!("clustertrustbundle/{name}")];
    let is_waited_for = |found: &MtlsAuthority| is_waited_for(found, "TrustBundle", &bundle);
    let found = namespace.authority_where(&authority, "the bundle to be waited for", is_waited_for).await;
    assert_eq!(phase(&found), Some(Phase::Announced));
    ban.lift().await;
    cluster_bundle_where(&namespace, &name, "a new one", |found| cluster_roots(found) == 2).await;
    let patch = json!({ "spec": { "trustBundle": { "clusterTrustBundle": false } } });
    namespace.patch_authority(&authority, patch).await.unwrap();
    cluster_bundle_where(&namespace, &name, "it to be gone", |found| found.is_none()).await;
}

#[tokio::test]
async fn without_the_right_to_cluster_trust_bundles_the_condition_says_how_to_get_it() {
    let namespace = TestCluster::shared().namespace().await;
    let authority = namespace.unique("ca");
    let spec = json!({ "trustBundle": { "clusterTrustBundle": true }, "rotation": { "propagation": "10m" } });
    namespace.create_authority(&authority, spec).await;
    let said = publication(&namespace, &authority, "Failed").await;
    assert!(said.contains("forbidden") && said.contains("trustBundles.clusterTrustBundles=true"), "{said}");
    namespace.authority_stands(&authority, "True", "Ready").await;
}
