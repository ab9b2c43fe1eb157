//! A compromised root is named, and is out: another one signs at once, and nothing holds the old one any more.

use k8s_openapi::api::core::v1::ConfigMap;
use mtls_operator::api::MtlsAuthority;
use serde_json::{Value, json};

use crate::bundle::config_maps;
use crate::content::Content;
use crate::provided_ca::Ca;
use crate::stage::{SYSTEM, Scene, Stage, value, wait};

fn signer(authority: &MtlsAuthority) -> Option<String> {
    let status = serde_json::to_value(authority.status.as_ref()?).ok()?;
    Some(status["roots"][0]["fingerprint"].as_str()?.to_owned())
}

async fn distrust(scene: &Scene, authority: &str, fingerprint: &str) {
    let patch = json!({ "spec": { "distrustedRoots": [{ "fingerprint": fingerprint }] } });
    scene.patch_authority(authority, patch).await.unwrap();
}

/// An authority of this spec with one identity, and the fingerprint of its root.
async fn realm(scene: &Scene, spec: Value) -> (String, Content, String) {
    realm_of(scene, scene.unique("ca"), spec).await
}

/// The same, with this name.
async fn realm_of(scene: &Scene, authority: String, spec: Value) -> (String, Content, String) {
    scene.create_authority(&authority, spec).await;
    scene.create("cart", json!({ "authorityRef": { "name": authority } })).await;
    scene.ready("cart").await;
    let content = Content::of(&scene.secret("cart-mtls").await);
    let found = scene.authority_stands(&authority, "True", "Ready").await;
    let signer = signer(&found).unwrap();
    (authority, content, signer)
}

/// Waits until the published trust bundle of an authority is this one.
async fn publishes(scene: &Scene, authority: &str, trust: &[u8]) {
    let name = format!("{authority}-trust-bundle");
    let is_so =
        |found: &ConfigMap| found.data.as_ref().is_some_and(|data| data["ca.crt"].as_bytes() == trust);
    let what = "the published bundle to be that of the Secret";
    wait(config_maps(scene), &name, what, |found| found.filter(|found| is_so(found)).map(drop)).await;
}

#[tokio::test]
async fn a_distrusted_root_is_replaced_at_once_and_no_bundle_holds_it_any_more() {
    let scene = Stage::shared().scene_labelled(&json!({ "distrusts": "yes" })).await;
    let published = json!({ "trustBundle": { "namespaces": { "matchLabels": { "distrusts": "yes" } } } });
    let (authority, before, root) = realm(&scene, published).await;
    publishes(&scene, &authority, &before.trust).await;
    distrust(&scene, &authority, &root.to_uppercase()).await;
    let is_other = |authority: &MtlsAuthority| signer(authority).is_some_and(|found| found != root);
    scene.authority_where(&authority, "another signer", is_other).await;
    let secret =
        scene.secret_where("cart-mtls", "another bundle", |secret| value(secret, "ca.crt") != before.trust);
    let after = Content::of(&secret.await);
    before.assert_reissued(&after, "distrusted");
    assert_ne!(before.leaf.authority_key_id, after.leaf.authority_key_id);
    let trust = String::from_utf8(after.trust.clone()).unwrap();
    assert_eq!(trust.matches("BEGIN CERTIFICATE").count(), 1);
    publishes(&scene, &authority, &after.trust).await;
    scene.stands("cart", "True", "Issued").await;
}

#[tokio::test]
async fn a_provided_ca_that_is_distrusted_signs_nothing_until_another_is_there() {
    let scene = Stage::shared().scene().await;
    let ca = Ca::root("Example Root");
    let (name, input) = (scene.unique("ca"), scene.unique("input"));
    let consent = json!({ "mtls-operator.dev/provides-for": name });
    let metadata = json!({ "name": input, "namespace": SYSTEM, "annotations": consent });
    let secret = json!({ "metadata": metadata, "type": "kubernetes.io/tls", "data": ca.provided(&ca) });
    let secret: k8s_openapi::api::core::v1::Secret = serde_json::from_value(secret).unwrap();
    scene.system_secrets().create(&kube::api::PostParams::default(), &secret).await.unwrap();
    let spec = json!({ "trustDomain": "own.example", "root": { "provided": { "secretName": input } } });
    let (authority, before, root) = realm_of(&scene, name, spec).await;
    distrust(&scene, &authority, &root).await;
    scene.authority_stands(&authority, "False", "Distrusted").await;
    let other = Ca::root("Another Root");
    let patch = kube::api::Patch::Merge(json!({ "data": other.provided(&other) }));
    scene.system_secrets().patch(&input, &kube::api::PatchParams::default(), &patch).await.unwrap();
    scene.authority_stands(&authority, "True", "Ready").await;
    let secret = scene.secret_where("cart-mtls", "the other root alone", |secret| {
        value(secret, "ca.crt") == other.pem().into_bytes()
    });
    before.assert_reissued(&Content::of(&secret.await), "distrusted");
}
