//! Published trust bundles: ConfigMaps and ClusterTrustBundles.

mod at_start;
mod calls;
mod queued_changes;
mod rotation;

use mtls_operator::operator::trust_bundle::targets::{Change, pending_changes, sites};
use mtls_operator::plan::trust_bundle::decide::Target;
use serde_json::{Value, json};
use test_support::in_memory::api_server::ApiServer;
use test_support::in_memory::harness::{CONFIG_MAPS, Harness, NAMESPACE, NOW};
use test_support::in_memory::rotation_run::RotationRun;

pub const NAME: &str = "mesh-trust-bundle";
pub const NOTHING: [&str; 0] = [];

/// The authority whose rotation is swift, publishing into every namespace.
pub fn publishing() -> Value {
    let mut spec = RotationRun::swift();
    spec["trustBundle"] = json!({ "namespaces": { "from": "All" } });
    spec
}

pub async fn harness(spec: Value) -> Harness {
    let harness = Harness::bare(ApiServer::default(), NOW);
    harness.with_authority(serde_json::from_value(spec).unwrap()).await
}

pub async fn published() -> Harness {
    let mut harness = harness(publishing()).await;
    assert_eq!(harness.published().await, [format!("POST configmaps {NAMESPACE}/{NAME}")]);
    harness
}

pub fn bundle(harness: &Harness) -> Value {
    harness.server.get(CONFIG_MAPS, NAMESPACE, NAME).unwrap()
}

pub fn roots(text: &Value) -> usize {
    text.as_str().unwrap().matches("BEGIN CERTIFICATE").count()
}

pub fn edit(harness: &Harness, change: impl FnOnce(&mut Value)) {
    harness.server.edit(CONFIG_MAPS, NAMESPACE, NAME, change);
}

/// Where the bundle is published in the namespace.
pub fn bundle_target(harness: &Harness) -> Target {
    let spec = harness.context.issuers.get("mesh").unwrap().spec.clone();
    sites(&harness.consumers.bundles, &spec).remove(0).target
}

/// A harness whose bundle is to be published, and the change for it.
pub async fn change() -> (RotationRun, Change) {
    let mesh = RotationRun::of(&["a"], publishing()).await;
    mesh.harness.server.delete(CONFIG_MAPS, NAMESPACE, NAME);
    mesh.harness.watch();
    let change = pending_changes(&mesh.harness.consumers.bundles).due.remove(0);
    mesh.harness.server.calls();
    (mesh, change)
}
