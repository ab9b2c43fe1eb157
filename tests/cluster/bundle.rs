//! The trust bundle for clients without an identity: published where labels select, as long as they do, and never over an
//! object of another owner.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use mtls_operator::api::MtlsAuthority;
use mtls_operator::api::conditions::find;
use serde_json::{Value, json};
use test_support::cluster::TestCluster;
use test_support::namespace::TestNamespace;
use test_support::objects::{note, value};
use test_support::wait::wait;

pub fn config_maps(namespace: &TestNamespace) -> Api<ConfigMap> {
    Api::namespaced(namespace.client.clone(), &namespace.name)
}

/// A namespace, an authority that publishes into it, and one identity of it.
pub async fn published(cluster: &TestCluster, spec: Value) -> (TestNamespace, String) {
    let namespace = cluster.namespace_labelled(&json!({})).await;
    label(&namespace, json!(&namespace.name)).await;
    let authority = namespace.unique("ca");
    let mut whole = json!({ "trustBundle": selecting(&namespace) });
    whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    namespace.create_authority(&authority, whole).await;
    namespace.create("cart", json!({ "authorityRef": { "name": authority } })).await;
    namespace.ready("cart").await;
    (namespace, authority)
}

/// The publication that selects the namespace of the test.
fn selecting(namespace: &TestNamespace) -> Value {
    json!({ "namespaces": { "matchLabels": { "test": namespace.name } } })
}

/// Labels the namespace of the test.
async fn label(namespace: &TestNamespace, value: Value) {
    let patch = Patch::Merge(json!({ "metadata": { "labels": { "test": value } } }));
    let namespaces = Api::<Namespace>::all(namespace.client.clone());
    namespaces.patch(&namespace.name, &PatchParams::default(), &patch).await.unwrap();
}

/// Waits until a ConfigMap satisfies this condition.
async fn config_map_where(
    namespace: &TestNamespace,
    name: &str,
    what: &str,
    is_so: impl Fn(&ConfigMap) -> bool,
) -> ConfigMap {
    wait(config_maps(namespace), name, what, |found| found.filter(|found| is_so(found)).cloned()).await
}

/// Waits until there is none of this name.
async fn gone(namespace: &TestNamespace, name: &str) {
    wait(config_maps(namespace), name, "the ConfigMap to be gone", |found| found.is_none().then_some(()))
        .await;
}

pub async fn edit(namespace: &TestNamespace, name: &str, patch: Value) -> ConfigMap {
    config_maps(namespace).patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap()
}

/// The bundle that identities of the authority have.
async fn trust(namespace: &TestNamespace) -> String {
    String::from_utf8(value(&namespace.secret("cart-mtls").await, "ca.crt")).unwrap()
}

fn text(found: &ConfigMap) -> &str {
    found.data.as_ref().and_then(|data| data.get("ca.crt")).map_or("", String::as_str)
}

fn is_dressed(found: &ConfigMap, authority: &str) -> bool {
    let expected: BTreeMap<String, String> =
        [("app.kubernetes.io/managed-by", "mtls-operator"), ("mtls-operator.dev/authority", authority)]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
    found.metadata.labels.as_ref() == Some(&expected)
}

/// Waits until `Published` has this reason; returns its sentence.
pub async fn publication(namespace: &TestNamespace, authority: &str, reason: &str) -> String {
    let message = |found: &MtlsAuthority| {
        let conditions = found.status.as_ref().map_or(&[][..], |status| &status.conditions);
        find(conditions, "Published")
            .filter(|found| found.reason == reason)
            .map(|found| found.message.clone())
    };
    let what = format!("Published to say {reason}");
    let found = namespace.authority_where(authority, &what, |found| message(found).is_some()).await;
    message(&found).unwrap()
}

#[tokio::test]
async fn a_bundle_is_published_where_labels_select_as_long_as_they_do() {
    let (namespace, authority) = published(TestCluster::shared(), json!({})).await;
    let name = format!("{authority}-trust-bundle");
    let trust = trust(&namespace).await;
    let found = config_map_where(&namespace, &name, "the bundle", |found| text(found) == trust).await;
    assert!(is_dressed(&found, &authority), "{:?}", found.metadata.labels);
    assert_eq!(note(&found, "trust"), note(&namespace.secret("cart-mtls").await, "trust"));
    assert_eq!(found.metadata.owner_references, None, "it outlives its authority");
    publication(&namespace, &authority, "Published").await;
    label(&namespace, json!("another")).await;
    gone(&namespace, &name).await;
    label(&namespace, json!(&namespace.name)).await;
    config_map_where(&namespace, &name, "the bundle again", |found| text(found) == trust).await;
}

#[tokio::test]
async fn an_edit_by_hand_is_undone_and_what_people_add_stays() {
    let (namespace, authority) = published(TestCluster::shared(), json!({})).await;
    let name = format!("{authority}-trust-bundle");
    let trust = trust(&namespace).await;
    let is_whole = |found: &ConfigMap| {
        text(found) == trust
            && found.metadata.labels.as_ref().is_some_and(|labels| {
                labels.get("app.kubernetes.io/managed-by").is_some_and(|value| value == "mtls-operator")
                    && labels.get("mtls-operator.dev/authority") == Some(&authority)
            })
    };
    config_map_where(&namespace, &name, "the bundle", is_whole).await;
    let edits = [
        json!({ "data": { "ca.crt": "nothing", "notes": "ours" } }),
        json!({ "data": { "ca.crt": null } }),
        json!({ "metadata": { "labels": { "mtls-operator.dev/authority": null } } }),
        json!({ "metadata": { "labels": { "app.kubernetes.io/managed-by": null } } }),
        json!({ "data": { "ca.crt": "nothing" }, "immutable": true }),
    ];
    for patch in edits {
        let edited = edit(&namespace, &name, patch.clone()).await;
        assert!(!is_whole(&edited), "{patch}");
        let is_healed = |found: &ConfigMap| {
            is_whole(found) && found.metadata.resource_version != edited.metadata.resource_version
        };
        let healed = config_map_where(&namespace, &name, &format!("{patch} to be undone"), is_healed).await;
        let is_replaced = healed.metadata.uid != edited.metadata.uid;
        let notes = healed.data.as_ref().and_then(|data| data.get("notes"));
        assert!(is_replaced || notes.is_some(), "{patch}: a key of another writer is gone");
    }
    config_maps(&namespace).delete(&name, &DeleteParams::default()).await.unwrap();
    config_map_where(&namespace, &name, "a new one", is_whole).await;
}

#[tokio::test]
async fn a_config_map_of_another_owner_is_left_alone_and_reported_until_it_is_gone() {
    let namespace = TestCluster::shared().namespace().await;
    let authority = namespace.unique("ca");
    let name = format!("{authority}-trust-bundle");
    let labels =
        json!({ "app.kubernetes.io/managed-by": "mtls-operator", "mtls-operator.dev/authority": authority });
    let made = json!({ "metadata": { "name": name, "labels": labels }, "data": { "ca.crt": "mine" } });
    let made: ConfigMap = serde_json::from_value(made).unwrap();
    let made = config_maps(&namespace).create(&PostParams::default(), &made).await.unwrap();
    label(&namespace, json!(&namespace.name)).await;
    namespace.create_authority(&authority, json!({ "trustBundle": selecting(&namespace) })).await;
    let said = publication(&namespace, &authority, "Conflict").await;
    let place = format!("configmap/{}/{name}", namespace.name);
    assert!(said.contains(&place) && said.contains("was not made by mtls-operator; delete it"), "{said}");
    label(&namespace, json!("another")).await;
    publication(&namespace, &authority, "Published").await;
    assert_eq!(config_maps(&namespace).get(&name).await.unwrap(), made);
    label(&namespace, json!(&namespace.name)).await;
    publication(&namespace, &authority, "Conflict").await;
    config_maps(&namespace).delete(&name, &DeleteParams::default()).await.unwrap();
    config_map_where(&namespace, &name, "the bundle", |found| is_dressed(found, &authority)).await;
    publication(&namespace, &authority, "Published").await;
}

#[tokio::test]
async fn another_name_or_none_takes_the_former_bundle_away() {
    let (namespace, authority) = published(TestCluster::shared(), json!({})).await;
    let name = format!("{authority}-trust-bundle");
    config_map_where(&namespace, &name, "the bundle", |_| true).await;
    let patch = json!({ "spec": { "trustBundle": { "configMapName": "roots" } } });
    namespace.patch_authority(&authority, patch).await.unwrap();
    let trust = trust(&namespace).await;
    config_map_where(&namespace, "roots", "the bundle", |found| text(found) == trust).await;
    gone(&namespace, &name).await;
    let patch = json!({ "spec": { "trustBundle": { "namespaces": null } } });
    namespace.patch_authority(&authority, patch).await.unwrap();
    gone(&namespace, "roots").await;
    let is_silent = |found: &MtlsAuthority| {
        found.status.as_ref().is_some_and(|status| find(&status.conditions, "Published").is_none())
    };
    namespace.authority_where(&authority, "the condition to go", is_silent).await;
}

#[tokio::test]
async fn of_two_authorities_that_name_one_config_map_the_second_waits_until_the_first_is_gone() {
    let (namespace, first) = published(TestCluster::shared(), json!({})).await;
    let mut spec = json!({ "trustBundle": selecting(&namespace) });
    let name = format!("{first}-trust-bundle");
    spec["trustBundle"]["configMapName"] = json!(name);
    let before = config_map_where(&namespace, &name, "the bundle", |found| is_dressed(found, &first)).await;
    let second = namespace.unique("cb");
    namespace.create_authority(&second, spec).await;
    let said = publication(&namespace, &second, "Conflict").await;
    assert!(said.contains(&format!("belongs to MtlsAuthority {first}")), "{said}");
    assert_eq!(config_maps(&namespace).get(&name).await.unwrap(), before);
    namespace.authorities().delete(&first, &DeleteParams::default()).await.unwrap();
    let after = config_map_where(&namespace, &name, "the second's", |found| is_dressed(found, &second)).await;
    assert_eq!(before.metadata.uid, after.metadata.uid, "it is taken over");
    assert_ne!(text(&before), text(&after));
}

#[tokio::test]
async fn what_an_authority_has_published_stays_when_it_is_deleted() {
    let (namespace, authority) = published(TestCluster::shared(), json!({})).await;
    let name = format!("{authority}-trust-bundle");
    let before = config_map_where(&namespace, &name, "the bundle", |_| true).await;
    namespace.authorities().delete(&authority, &DeleteParams::default()).await.unwrap();
    namespace.create("later", json!({})).await;
    namespace.ready("later").await;
    assert_eq!(config_maps(&namespace).get(&name).await.unwrap(), before);
    // An authority that is created under its name publishes by its own labels.
    namespace.create_authority(&authority, json!({})).await;
    gone(&namespace, &name).await;
}

#[tokio::test]
async fn a_namespace_can_be_deleted_with_a_bundle_in_it() {
    let (namespace, authority) = published(TestCluster::shared(), json!({})).await;
    config_map_where(&namespace, &format!("{authority}-trust-bundle"), "the bundle", |_| true).await;
    let namespaces = Api::<Namespace>::all(namespace.client.clone());
    namespaces.delete(&namespace.name, &DeleteParams::default()).await.unwrap();
    wait(namespaces, &namespace.name, "it to be gone", |namespace| namespace.is_none().then_some(())).await;
    publication(&namespace, &authority, "Published").await;
}
