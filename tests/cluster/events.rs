//! Events are few: one for each change of the roots, one when a person must act, none while all is well.

use k8s_openapi::api::events::v1::Event;
use kube::Api;
use kube::api::ListParams;
use mtls_operator::api::MtlsAuthority;
use mtls_operator::api::authority::Phase;
use serde_json::json;

use crate::stage::{Scene, Stage, until};

/// Type and reason of all Events about an object, oldest first.
async fn told(scene: &Scene, namespace: &str, name: &str) -> Vec<(String, String)> {
    let events: Api<Event> = Api::namespaced(scene.client.clone(), namespace);
    let list = events.list(&ListParams::default().fields(&format!("regarding.name={name}"))).await.unwrap();
    let mut events = list.items;
    events.sort_by_key(|event| event.event_time.as_ref().map(|time| time.0));
    events
        .into_iter()
        .map(|event| (event.type_.unwrap_or_default(), event.reason.unwrap_or_default()))
        .collect()
}

/// Waits until exactly these are told, in this order.
async fn expect(scene: &Scene, namespace: &str, name: &str, wanted: &[(&str, &str)]) {
    let wanted: Vec<(String, String)> =
        wanted.iter().map(|(type_, reason)| ((*type_).into(), (*reason).into())).collect();
    let are_told = || async { (told(scene, namespace, name).await == wanted).then_some(()) };
    until(&format!("the Events {wanted:?} about {name}"), are_told).await;
}

#[tokio::test]
async fn each_change_of_the_roots_is_told_once_and_no_issuance() {
    let scene = Stage::shared().scene().await;
    let authority = scene.unique("ca");
    let swift = json!({
        "root": { "ttl": "1h" }, "leaf": { "ttl": "1m", "maxTTL": "1m" },
        "rotation": { "propagation": "10s", "spreadOver": "0s" }
    });
    scene.create_authority(&authority, swift).await;
    scene.create("cart", json!({ "authority": authority })).await;
    scene.ready("cart").await;
    let request = json!({ "metadata": { "annotations": { "mtls-operator.dev/rotate": "now" } } });
    scene.patch_authority(&authority, request).await.unwrap();
    let is_draining = |authority: &MtlsAuthority| {
        authority.status.as_ref().and_then(|status| status.phase) == Some(Phase::Draining)
    };
    scene.authority_where(&authority, "the switch", is_draining).await;
    let changes = [("Normal", "Generate"), ("Normal", "Announce"), ("Normal", "Switch")];
    expect(&scene, "default", &authority, &changes).await;
    assert!(told(&scene, &scene.namespace, "cart").await.is_empty(), "all is well with the identity");
}

#[tokio::test]
async fn whoever_needs_a_person_is_told_of_once() {
    let scene = Stage::shared().scene().await;
    scene.create("cart", json!({ "dnsNames": ["cart.example.com"] })).await;
    scene.stands("cart", "False", "NotPermitted").await;
    expect(&scene, &scene.namespace, "cart", &[("Warning", "NotPermitted")]).await;
    scene.patch("cart", json!({ "spec": { "dnsNames": ["till.example.com"] } })).await.unwrap();
    scene.stands("cart", "False", "NotPermitted").await;
    expect(&scene, &scene.namespace, "cart", &[("Warning", "NotPermitted")]).await;
}
