//! Events are few: one for each change of the roots, one when a person must act, none while all is well.

use k8s_openapi::api::events::v1::Event;
use kube::api::ListParams;
use kube::{Api, Resource, ResourceExt as _};
use mtls_operator::api::MtlsAuthority;
use mtls_operator::api::authority::Phase;
use serde_json::json;

use crate::stage::{Scene, Stage, until};

/// Type and reason of all Events about an object, oldest first. What is not namespaced has them in `default`.
async fn told<K: Resource<DynamicType = ()>>(scene: &Scene, object: &K) -> Vec<(String, String)> {
    let namespace = object.namespace().unwrap_or_else(|| "default".into());
    let events: Api<Event> = Api::namespaced(scene.client.clone(), &namespace);
    let fields = format!("regarding.name={}", object.name_any());
    let mut events = events.list(&ListParams::default().fields(&fields)).await.unwrap().items;
    events.sort_by_key(|event| event.event_time.as_ref().map(|time| time.0));
    let is_about = |event: &Event| {
        event.regarding.clone().map(|regarding| (regarding.kind, regarding.uid, regarding.namespace))
            == Some((Some(K::kind(&()).into_owned()), object.uid(), object.namespace()))
    };
    assert!(events.iter().all(is_about), "not about this {}: {events:#?}", K::kind(&()));
    events
        .into_iter()
        .map(|event| (event.type_.unwrap_or_default(), event.reason.unwrap_or_default()))
        .collect()
}

/// Waits until exactly these are told of an object, in this order.
async fn expect<K: Resource<DynamicType = ()>>(scene: &Scene, object: &K, wanted: &[(&str, &str)]) {
    let wanted: Vec<(String, String)> =
        wanted.iter().map(|(type_, reason)| ((*type_).into(), (*reason).into())).collect();
    let are_told = || async { (told(scene, object).await == wanted).then_some(()) };
    until(&format!("the Events {wanted:?} about {}", object.name_any()), are_told).await;
}

/// The same of the authority of this name.
pub async fn expect_of_authority(scene: &Scene, name: &str, wanted: &[(&str, &str)]) {
    let authority = scene.authorities().get(name).await.unwrap();
    expect(scene, &authority, wanted).await;
}

/// Waits until the operator has looked at an authority twice more, because of changes that have nothing to do with roots.
/// A look tells what it found after it has recorded it, so that only the second one shows that the first has told.
pub async fn look_again(scene: &Scene, authority: &str) {
    for spread in ["1s", "2s"] {
        let change = json!({ "spec": { "rotation": { "spreadOver": spread } } });
        let changed = scene.patch_authority(authority, change).await.unwrap();
        let is_seen = |authority: &MtlsAuthority| {
            let seen = authority.status.as_ref().and_then(|status| status.observed_generation);
            seen == changed.metadata.generation
        };
        scene.authority_where(authority, "another look at it", is_seen).await;
    }
}

#[tokio::test]
async fn each_change_of_the_roots_is_told_once_and_no_issuance() {
    let scene = Stage::shared().scene().await;
    let name = scene.unique("ca");
    let swift = json!({
        "root": { "ttl": "1h" }, "leaf": { "ttl": "1m", "maxTTL": "1m" },
        "rotation": { "propagation": "10s", "spreadOver": "0s" }
    });
    let authority = scene.create_authority(&name, swift).await;
    let cart = scene.create("cart", json!({ "authorityRef": { "name": name } })).await;
    scene.ready("cart").await;
    let request = json!({ "metadata": { "annotations": { "mtls-operator.dev/rotate": "now" } } });
    scene.patch_authority(&name, request).await.unwrap();
    // Generated, announced, switched, dropped: its status names the request from the announcement on.
    let is_over = |authority: &MtlsAuthority| {
        authority.status.as_ref().is_some_and(|status| {
            status.phase() == Some(Phase::Stable) && status.last_handled_rotate() == Some("now")
        })
    };
    scene.authority_where(&name, "the end of the rotation", is_over).await;
    let changes = [("Normal", "Generate"), ("Normal", "Announce"), ("Normal", "Switch"), ("Normal", "Drop")];
    expect(&scene, &authority, &changes).await;
    look_again(&scene, &name).await;
    expect(&scene, &authority, &changes).await;
    assert!(told(&scene, &cart).await.is_empty(), "all is well with the identity");
}

#[tokio::test]
async fn whoever_needs_a_person_is_told_of_once() {
    let scene = Stage::shared().scene().await;
    let cart = scene.create("cart", json!({ "dnsNames": ["cart.example.com"] })).await;
    scene.stands("cart", "False", "NotPermitted").await;
    expect(&scene, &cart, &[("Warning", "NotPermitted")]).await;
    // A look tells what it found after it has recorded it: only the second one shows that the first has told.
    for name in ["till.example.com", "shop.example.com"] {
        scene.patch("cart", json!({ "spec": { "dnsNames": [name] } })).await.unwrap();
        scene.stands("cart", "False", "NotPermitted").await;
    }
    expect(&scene, &cart, &[("Warning", "NotPermitted")]).await;
}
