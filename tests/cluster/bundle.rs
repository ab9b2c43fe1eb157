//! The trust bundle for clients without an identity: it lies where labels say, as long as they say so, and nothing that
//! somebody else made is touched for it.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use mtls_operator::api::MtlsAuthority;
use mtls_operator::api::conditions::find;
use serde_json::{Value, json};

use crate::stage::{Scene, Stage, note, value, wait};

pub fn config_maps(scene: &Scene) -> Api<ConfigMap> {
    Api::namespaced(scene.client.clone(), &scene.namespace)
}

/// A namespace, an authority that publishes into it, and one identity of it.
pub async fn published(stage: &Stage, spec: Value) -> (Scene, String) {
    let scene = stage.scene_labelled(&json!({})).await;
    label(&scene, json!(&scene.namespace)).await;
    let authority = scene.unique("ca");
    let mut whole = json!({ "trustBundle": selecting(&scene) });
    whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    scene.create_authority(&authority, whole).await;
    scene.create("cart", json!({ "authorityRef": { "name": authority } })).await;
    scene.ready("cart").await;
    (scene, authority)
}

/// The publication that selects the namespace of a scene.
fn selecting(scene: &Scene) -> Value {
    json!({ "namespaces": { "matchLabels": { "scene": scene.namespace } } })
}

/// Labels the namespace of a scene.
async fn label(scene: &Scene, value: Value) {
    let patch = Patch::Merge(json!({ "metadata": { "labels": { "scene": value } } }));
    let namespaces = Api::<Namespace>::all(scene.client.clone());
    namespaces.patch(&scene.namespace, &PatchParams::default(), &patch).await.unwrap();
}

/// Waits until a ConfigMap is so.
async fn config_map_where(
    scene: &Scene,
    name: &str,
    what: &str,
    is_so: impl Fn(&ConfigMap) -> bool,
) -> ConfigMap {
    wait(config_maps(scene), name, what, |found| found.filter(|found| is_so(found)).cloned()).await
}

/// Waits until there is none of this name.
async fn gone(scene: &Scene, name: &str) {
    wait(config_maps(scene), name, "the ConfigMap to be gone", |found| found.is_none().then_some(())).await;
}

pub async fn edit(scene: &Scene, name: &str, patch: Value) -> ConfigMap {
    config_maps(scene).patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap()
}

/// The bundle that identities of the authority have.
async fn trust(scene: &Scene) -> String {
    String::from_utf8(value(&scene.secret("cart-mtls").await, "ca.crt")).unwrap()
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
pub async fn publication(scene: &Scene, authority: &str, reason: &str) -> String {
    let message = |found: &MtlsAuthority| {
        let conditions = found.status.as_ref().map_or(&[][..], |status| &status.conditions);
        find(conditions, "Published")
            .filter(|found| found.reason == reason)
            .map(|found| found.message.clone())
    };
    let what = format!("Published to say {reason}");
    let found = scene.authority_where(authority, &what, |found| message(found).is_some()).await;
    message(&found).unwrap()
}

#[tokio::test]
async fn a_bundle_lies_where_labels_say_as_long_as_they_say_so() {
    let (scene, authority) = published(Stage::shared(), json!({})).await;
    let name = format!("{authority}-trust-bundle");
    let trust = trust(&scene).await;
    let found = config_map_where(&scene, &name, "the bundle", |found| text(found) == trust).await;
    assert!(is_dressed(&found, &authority), "{:?}", found.metadata.labels);
    assert_eq!(note(&found, "trust"), note(&scene.secret("cart-mtls").await, "trust"));
    assert_eq!(found.metadata.owner_references, None, "it outlives its authority");
    publication(&scene, &authority, "Published").await;
    label(&scene, json!("another")).await;
    gone(&scene, &name).await;
    label(&scene, json!(&scene.namespace)).await;
    config_map_where(&scene, &name, "the bundle again", |found| text(found) == trust).await;
}

#[tokio::test]
async fn an_edit_by_hand_is_undone_and_what_people_add_stays() {
    let (scene, authority) = published(Stage::shared(), json!({})).await;
    let name = format!("{authority}-trust-bundle");
    let trust = trust(&scene).await;
    let is_whole = |found: &ConfigMap| {
        text(found) == trust
            && found.metadata.labels.as_ref().is_some_and(|labels| {
                labels.get("app.kubernetes.io/managed-by").is_some_and(|value| value == "mtls-operator")
                    && labels.get("mtls-operator.dev/authority") == Some(&authority)
            })
    };
    config_map_where(&scene, &name, "the bundle", is_whole).await;
    let edits = [
        json!({ "data": { "ca.crt": "nothing", "notes": "ours" } }),
        json!({ "data": { "ca.crt": null } }),
        json!({ "metadata": { "labels": { "mtls-operator.dev/authority": null } } }),
        json!({ "metadata": { "labels": { "app.kubernetes.io/managed-by": null } } }),
        json!({ "data": { "ca.crt": "nothing" }, "immutable": true }),
    ];
    for patch in edits {
        let edited = edit(&scene, &name, patch.clone()).await;
        assert!(!is_whole(&edited), "{patch}");
        let is_healed = |found: &ConfigMap| {
            is_whole(found) && found.metadata.resource_version != edited.metadata.resource_version
        };
        let healed = config_map_where(&scene, &name, &format!("{patch} to be undone"), is_healed).await;
        let is_replaced = healed.metadata.uid != edited.metadata.uid;
        let notes = healed.data.as_ref().and_then(|data| data.get("notes"));
        assert!(is_replaced || notes.is_some(), "{patch}: a key of somebody else's went");
    }
    config_maps(&scene).delete(&name, &DeleteParams::default()).await.unwrap();
    config_map_where(&scene, &name, "a new one", is_whole).await;
}

#[tokio::test]
async fn what_somebody_else_made_is_left_alone_and_told_until_it_is_gone() {
    let scene = Stage::shared().scene().await;
    let authority = scene.unique("ca");
    let name = format!("{authority}-trust-bundle");
    let labels =
        json!({ "app.kubernetes.io/managed-by": "mtls-operator", "mtls-operator.dev/authority": authority });
    let made = json!({ "metadata": { "name": name, "labels": labels }, "data": { "ca.crt": "mine" } });
    let made: ConfigMap = serde_json::from_value(made).unwrap();
    let made = config_maps(&scene).create(&PostParams::default(), &made).await.unwrap();
    label(&scene, json!(&scene.namespace)).await;
    scene.create_authority(&authority, json!({ "trustBundle": selecting(&scene) })).await;
    let said = publication(&scene, &authority, "Conflict").await;
    let place = format!("configmap/{}/{name}", scene.namespace);
    assert!(said.contains(&place) && said.contains("was not made by mtls-operator; delete it"), "{said}");
    label(&scene, json!("another")).await;
    publication(&scene, &authority, "Published").await;
    assert_eq!(config_maps(&scene).get(&name).await.unwrap(), made);
    label(&scene, json!(&scene.namespace)).await;
    publication(&scene, &authority, "Conflict").await;
    config_maps(&scene).delete(&name, &DeleteParams::default()).await.unwrap();
    config_map_where(&scene, &name, "the bundle", |found| is_dressed(found, &authority)).await;
    publication(&scene, &authority, "Published").await;
}

#[tokio::test]
async fn another_name_or_none_takes_the_former_bundle_away() {
    let (scene, authority) = published(Stage::shared(), json!({})).await;
    let name = format!("{authority}-trust-bundle");
    config_map_where(&scene, &name, "the bundle", |_| true).await;
    let patch = json!({ "spec": { "trustBundle": { "configMapName": "roots" } } });
    scene.patch_authority(&authority, patch).await.unwrap();
    let trust = trust(&scene).await;
    config_map_where(&scene, "roots", "the bundle", |found| text(found) == trust).await;
    gone(&scene, &name).await;
    let patch = json!({ "spec": { "trustBundle": { "namespaces": null } } });
    scene.patch_authority(&authority, patch).await.unwrap();
    gone(&scene, "roots").await;
    let is_silent = |found: &MtlsAuthority| {
        found.status.as_ref().is_some_and(|status| find(&status.conditions, "Published").is_none())
    };
    scene.authority_where(&authority, "the condition to go", is_silent).await;
}

#[tokio::test]
async fn of_two_authorities_that_name_one_config_map_the_second_waits_until_the_first_is_gone() {
    let (scene, first) = published(Stage::shared(), json!({})).await;
    let mut spec = json!({ "trustBundle": selecting(&scene) });
    let name = format!("{first}-trust-bundle");
    spec["trustBundle"]["configMapName"] = json!(name);
    let before = config_map_where(&scene, &name, "the bundle", |found| is_dressed(found, &first)).await;
    let second = scene.unique("cb");
    scene.create_authority(&second, spec).await;
    let said = publication(&scene, &second, "Conflict").await;
    assert!(said.contains(&format!("belongs to MtlsAuthority {first}")), "{said}");
    assert_eq!(config_maps(&scene).get(&name).await.unwrap(), before);
    scene.authorities().delete(&first, &DeleteParams::default()).await.unwrap();
    let after = config_map_where(&scene, &name, "the second's", |found| is_dressed(found, &second)).await;
    assert_eq!(before.metadata.uid, after.metadata.uid, "it is taken over");
    assert_ne!(text(&before), text(&after));
}

#[tokio::test]
async fn what_an_authority_has_published_stays_when_it_is_deleted() {
    let (scene, authority) = published(Stage::shared(), json!({})).await;
    let name = format!("{authority}-trust-bundle");
    let before = config_map_where(&scene, &name, "the bundle", |_| true).await;
    scene.authorities().delete(&authority, &DeleteParams::default()).await.unwrap();
    scene.create("later", json!({})).await;
    scene.ready("later").await;
    assert_eq!(config_maps(&scene).get(&name).await.unwrap(), before);
    // Whoever comes after it under its name follows its own labels.
    scene.create_authority(&authority, json!({})).await;
    gone(&scene, &name).await;
}

#[tokio::test]
async fn a_namespace_can_be_deleted_with_a_bundle_in_it() {
    let (scene, authority) = published(Stage::shared(), json!({})).await;
    config_map_where(&scene, &format!("{authority}-trust-bundle"), "the bundle", |_| true).await;
    let namespaces = Api::<Namespace>::all(scene.client.clone());
    namespaces.delete(&scene.namespace, &DeleteParams::default()).await.unwrap();
    wait(namespaces, &scene.namespace, "it to be gone", |namespace| namespace.is_none().then_some(())).await;
    publication(&scene, &authority, "Published").await;
}
