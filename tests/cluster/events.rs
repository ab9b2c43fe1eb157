//! Events: one for each change of the roots, one when a person must act, and no others.

use k8s_openapi::api::events::v1::Event;
use kube::api::ListParams;
use kube::{Api, Resource, ResourceExt as _};
use mtls_operator::api::MtlsAuthority;
use mtls_operator::api::authority::Phase;
use serde_json::json;
use test_support::cluster::TestCluster;
use test_support::namespace::TestNamespace;
use test_support::wait::until;

/// Type and reason of all Events about an object, oldest first. What is not namespaced has them in `default`.
async fn told<K: Resource<DynamicType = ()>>(namespace: &TestNamespace, object: &K) -> Vec<(String, String)> {
    let of = object.namespace().unwrap_or_else(|| "default".into());
    let events: Api<Event> = Api::namespaced(namespace.client.clone(), &of);
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

/// Waits until exactly these are the Events about an object, in this order.
async fn expect<K: Resource<DynamicType = ()>>(
    namespace: &TestNamespace,
    object: &K,
    wanted: &[(&str, &str)],
) {
    let wanted: Vec<(String, String)> =
        wanted.iter().map(|(type_, reason)| ((*type_).into(), (*reason).into())).collect();
    let are_told = || async { (told(namespace, object).await == wanted).then_some(()) };
    until(&format!("the Events {wanted:?} about {}", object.name_any()), are_told).await;
}

/// The same of the authority of this name.
pub async fn expect_of_authority(namespace: &TestNamespace, name: &str, wanted: &[(&str, &str)]) {
    let authority = namespace.authorities().get(name).await.unwrap();
    expect(namespace, &authority, wanted).await;
}

/// Waits until the operator has reconciled an authority twice more, because of changes that have nothing to do with roots.
/// A reconcile sends its Events after it has written the status, so that only the second shows that the first has sent them.
pub async fn look_again(namespace: &TestNamespace, authority: &str) {
    for spread in ["1s", "2s"] {
        let change = json!({ "spec": { "rotation": { "spreadOver": spread } } });
        let changed = namespace.patch_authority(authority, change).await.unwrap();
        let is_seen = |authority: &MtlsAuthority| {
            let seen = authority.status.as_ref().and_then(|status| status.observed_generation);
            seen == changed.metadata.generation
        };
        namespace.authority_where(authority, "another reconcile of it", is_seen).await;
    }
}

#[tokio::test]
async fn each_change_of_the_roots_is_one_event_and_no_issuance_is() {
    let namespace = TestCluster::shared().namespace().await;
    let name = namespace.unique("ca");
    let swift = json!({
        "root": { "ttl": "1h" }, "leaf": { "ttl": "1m", "maxTTL": "1m" },
        "rotation": { "propagation": "10s", "spreadOver": "0s" }
    });
    let authority = namespace.create_authority(&name, swift).await;
    let cart = namespace.create("cart", json!({ "authorityRef": { "name": name } })).await;
    namespace.ready("cart").await;
    let request = json!({ "metadata": { "annotations": { "mtls-operator.dev/rotate": "now" } } });
    namespace.patch_authority(&name, request).await.unwrap();
    // Generated, announced, switched, dropped: its status names the request from the announcement on.
    let is_over = |authority: &MtlsAuthority| {
        authority.status.as_ref().is_some_and(|status| {
            status.phase() == Some(Phase::Stable) && status.last_handled_rotate() == Some("now")
        })
    };
    namespace.authority_where(&name, "the end of the rotation", is_over).await;
    let changes = [("Normal", "Generate"), ("Normal", "Announce"), ("Normal", "Switch"), ("Normal", "Drop")];
    expect(&namespace, &authority, &changes).await;
    look_again(&namespace, &name).await;
    expect(&namespace, &authority, &changes).await;
    assert!(told(&namespace, &cart).await.is_empty(), "no Event is due for the identity");
}

#[tokio::test]
async fn what_needs_a_person_is_reported_in_one_event() {
    let namespace = TestCluster::shared().namespace().await;
    let cart = namespace.create("cart", json!({ "dnsNames": ["cart.example.com"] })).await;
    namespace.stands("cart", "False", "NotPermitted").await;
    expect(&namespace, &cart, &[("Warning", "NotPermitted")]).await;
    // A reconcile sends its Events after it has written the status: only the second shows that the first has sent them.
    for name in ["till.example.com", "shop.example.com"] {
        namespace.patch("cart", json!({ "spec": { "dnsNames": [name] } })).await.unwrap();
        namespace.stands("cart", "False", "NotPermitted").await;
    }
    expect(&namespace, &cart, &[("Warning", "NotPermitted")]).await;
}
