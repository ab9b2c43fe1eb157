//! Published bundles are waited for like Secrets: no root signs before every one of them carries it, and who cannot be
//! written is named.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use mtls_operator::api::MtlsAuthority;
use mtls_operator::api::authority::{Phase, WaitingFor};
use serde_json::{Value, json};

use crate::ban::{Ban, in_force};
use crate::bundle::{config_maps, publication, published};
use crate::stage::{Scene, Stage, until, wait};

pub async fn ask(scene: &Scene, authority: &str) {
    let patch = json!({ "metadata": { "annotations": { "mtls-operator.dev/rotate": "now" } } });
    scene.patch_authority(authority, patch).await.unwrap();
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
    let (scene, authority) = published(Stage::shared(), swift).await;
    let name = format!("{authority}-trust-bundle");
    publication(&scene, &authority, "Published").await;
    let ban = Ban::on(&scene, "", "configmaps", &name).await;
    let touch = Patch::Merge(json!({ "data": { "touch": "me" } }));
    let dry = PatchParams { dry_run: true, ..PatchParams::default() };
    in_force("the policy", async || config_maps(&scene).patch(&name, &dry, &touch).await.is_err()).await;
    ask(&scene, &authority).await;
    let bundle = [format!("configmap/{}/{name}", scene.namespace)];
    let is_waited_for = |found: &MtlsAuthority| is_waited_for(found, "TrustBundle", &bundle);
    let found = scene.authority_where(&authority, "the bundle to be waited for", is_waited_for).await;
    assert_eq!(phase(&found), Some(Phase::Announced));
    let said = publication(&scene, &authority, "Failed").await;
    assert!(said.contains("frozen by a test"), "{said}");
    assert_eq!(config_map_roots(&config_maps(&scene).get(&name).await.unwrap()), 1);
    ban.lift().await;
    let both = "both roots in the bundle";
    wait(config_maps(&scene), &name, both, |found| found.filter(|f| config_map_roots(f) == 2).map(drop))
        .await;
    let is_draining = |found: &MtlsAuthority| phase(found) == Some(Phase::Draining);
    scene.authority_where(&authority, "the next root to sign", is_draining).await;
    let is_stable = |found: &MtlsAuthority| phase(found) == Some(Phase::Stable);
    scene.authority_where(&authority, "the end of the rotation", is_stable).await;
    let one = "the former root to leave the bundle";
    wait(config_maps(&scene), &name, one, |found| found.filter(|f| config_map_roots(f) == 1).map(drop)).await;
}

fn cluster_bundles(scene: &Scene) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("certificates.k8s.io", "v1", "ClusterTrustBundle");
    Api::all_with(scene.client.clone(), &ApiResource::from_gvk(&kind))
}

/// Waits until a ClusterTrustBundle is so. `None` is that there is none.
async fn cluster_bundle_where(
    scene: &Scene,
    name: &str,
    what: &str,
    is_so: impl Fn(Option<&DynamicObject>) -> bool,
) -> Option<DynamicObject> {
    until(what, || async {
        let found = cluster_bundles(scene).get_opt(name).await.unwrap();
        is_so(found.as_ref()).then_some(found)
    })
    .await
}

fn cluster_roots(found: Option<&DynamicObject>) -> usize {
    found.and_then(|found| found.data["spec"]["trustBundle"].as_str()).map_or(0, roots)
}

async fn edit_cluster_bundle(scene: &Scene, name: &str, text: Value) -> kube::Result<DynamicObject> {
    let patch = Patch::Merge(json!({ "spec": { "trustBundle": text } }));
    cluster_bundles(scene).patch(name, &PatchParams::default(), &patch).await
}

#[tokio::test]
async fn a_cluster_trust_bundle_is_published_healed_and_waited_for_with_the_charts_rights() {
    let stage = Stage::set(&["trustBundles.clusterTrustBundles=true"]);
    let spec = json!({
        "trustBundle": { "clusterTrustBundle": true },
        "rotation": { "propagation": "10m", "spreadOver": "0s" },
    });
    let (scene, authority) = published(&stage, spec).await;
    publication(&scene, &authority, "Published").await;
    let name = format!("mtls-operator.dev:{authority}:bundle");
    let first = cluster_bundle_where(&scene, &name, "the bundle", |found| cluster_roots(found) == 1).await;
    let first = first.unwrap();
    assert_eq!(first.data["spec"]["signerName"], format!("mtls-operator.dev/{authority}"));
    let one_root = first.data["spec"]["trustBundle"].clone();
    ask(&scene, &authority).await;
    cluster_bundle_where(&scene, &name, "both roots", |found| cluster_roots(found) == 2).await;
    edit_cluster_bundle(&scene, &name, one_root.clone()).await.unwrap();
    cluster_bundle_where(&scene, &name, "the edit to be undone", |found| cluster_roots(found) == 2).await;
    cluster_bundles(&scene).delete(&name, &DeleteParams::default()).await.unwrap();
    cluster_bundle_where(&scene, &name, "a new one", |found| cluster_roots(found) == 2).await;
    // Gone, and not to be made again: whoever has loaded what it held may still hold that.
    let ban = Ban::on(&scene, "certificates.k8s.io", "clustertrustbundles", &name).await;
    in_force("the policy", async || edit_cluster_bundle(&scene, &name, one_root.clone()).await.is_err())
        .await;
    cluster_bundles(&scene).delete(&name, &DeleteParams::default()).await.unwrap();
    let bundle = [format!("clustertrustbundle/{name}")];
    let is_waited_for = |found: &MtlsAuthority| is_waited_for(found, "TrustBundle", &bundle);
    let found = scene.authority_where(&authority, "the bundle to be waited for", is_waited_for).await;
    assert_eq!(phase(&found), Some(Phase::Announced));
    ban.lift().await;
    cluster_bundle_where(&scene, &name, "a new one", |found| cluster_roots(found) == 2).await;
    let patch = json!({ "spec": { "trustBundle": { "clusterTrustBundle": false } } });
    scene.patch_authority(&authority, patch).await.unwrap();
    cluster_bundle_where(&scene, &name, "it to be gone", |found| found.is_none()).await;
}

#[tokio::test]
async fn without_the_right_to_cluster_trust_bundles_the_condition_says_how_to_get_it() {
    let scene = Stage::shared().scene().await;
    let authority = scene.unique("ca");
    let spec = json!({ "trustBundle": { "clusterTrustBundle": true }, "rotation": { "propagation": "10m" } });
    scene.create_authority(&authority, spec).await;
    let said = publication(&scene, &authority, "Failed").await;
    assert!(said.contains("forbidden") && said.contains("trustBundles.clusterTrustBundles=true"), "{said}");
    scene.authority_stands(&authority, "True", "Ready").await;
}
