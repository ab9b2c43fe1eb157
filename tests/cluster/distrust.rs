//! A distrusted root is replaced at once: another one signs, and no bundle holds it any more.

use k8s_openapi::api::core::v1::ConfigMap;
use mtls_operator::api::MtlsAuthority;
use mtls_operator::runtime::clock::Clock;
use serde_json::{Value, json};
use test_support::ca::Ca;
use test_support::cluster::TestCluster;
use test_support::namespace::TestNamespace;
use test_support::objects::value;
use test_support::wait::wait;

use crate::bundle::config_maps;
use crate::leaf_content::Content;

fn signer(authority: &MtlsAuthority) -> Option<String> {
    let status = serde_json::to_value(authority.status.as_ref()?).ok()?;
    Some(status["roots"][0]["fingerprint"].as_str()?.to_owned())
}

async fn distrust(namespace: &TestNamespace, authority: &str, fingerprint: &str) {
    let patch = json!({ "spec": { "distrustedRoots": [{ "fingerprint": fingerprint }] } });
    namespace.patch_authority(authority, patch).await.unwrap();
}

/// An authority of this spec with one identity, and the fingerprint of its root.
async fn fixture(namespace: &TestNamespace, spec: Value) -> (String, Content, String) {
    fixture_of(namespace, namespace.unique("ca"), spec).await
}

/// The same, with this name.
async fn fixture_of(namespace: &TestNamespace, authority: String, spec: Value) -> (String, Content, String) {
    namespace.create_authority(&authority, spec).await;
    namespace.create("cart", json!({ "authorityRef": { "name": authority } })).await;
    namespace.ready("cart").await;
    let content = Content::of(&namespace.secret("cart-mtls").await);
    let found = namespace.authority_stands(&authority, "True", "Ready").await;
    let signer = signer(&found).unwrap();
    (authority, content, signer)
}

/// Waits until the published trust bundle of an authority is this one.
async fn publishes(namespace: &TestNamespace, authority: &str, trust: &[u8]) {
    let name = format!("{authority}-trust-bundle");
    let is_so =
        |found: &ConfigMap| found.data.as_ref().is_some_and(|data| data["ca.crt"].as_bytes() == trust);
    let what = "the published bundle to be that of the Secret";
    wait(config_maps(namespace), &name, what, |found| found.filter(|found| is_so(found)).map(drop)).await;
}

#[tokio::test]
async fn a_distrusted_root_is_replaced_at_once_and_no_bundle_holds_it_any_more() {
    let namespace = TestCluster::shared().namespace_labelled(&json!({ "distrusts": "yes" })).await;
    let published = json!({ "trustBundle": { "namespaces": { "matchLabels": { "distrusts": "yes" } } } });
    let (authority, before, root) = fixture(&namespace, published).await;
    publishes(&namespace, &authority, &before.trust).await;
    distrust(&namespace, &authority, &root.to_uppercase()).await;
    let is_other = |authority: &MtlsAuthority| signer(authority).is_some_and(|found| found != root);
    namespace.authority_where(&authority, "another signer", is_other).await;
    let secret = namespace
        .secret_where("cart-mtls", "another bundle", |secret| value(secret, "ca.crt") != before.trust);
    let after = Content::of(&secret.await);
    before.assert_reissued(&after, "distrusted");
    assert_ne!(before.leaf.authority_key_id, after.leaf.authority_key_id);
    let trust = String::from_utf8(after.trust.clone()).unwrap();
    assert_eq!(trust.matches("BEGIN CERTIFICATE").count(), 1);
    publishes(&namespace, &authority, &after.trust).await;
    namespace.stands("cart", "True", "Issued").await;
}

#[tokio::test]
async fn a_provided_ca_that_is_distrusted_signs_nothing_until_another_is_there() {
    let namespace = TestCluster::shared().namespace().await;
    let ca = Ca::root("Example Root", Clock::system().now());
    let (name, input) = (namespace.unique("ca"), namespace.unique("input"));
    let secret: k8s_openapi::api::core::v1::Secret =
        serde_json::from_value(ca.secret(&input, &name, &ca.pem())).unwrap();
    namespace.system_secrets().create(&kube::api::PostParams::default(), &secret).await.unwrap();
    let spec = json!({ "trustDomain": "own.example", "root": { "provided": { "secretName": input } } });
    let (authority, before, root) = fixture_of(&namespace, name, spec).await;
    distrust(&namespace, &authority, &root).await;
    namespace.authority_stands(&authority, "False", "Distrusted").await;
    let other = Ca::root("Another Root", Clock::system().now());
    let patch = kube::api::Patch::Merge(json!({ "data": other.data(&other.pem()) }));
    namespace.system_secrets().patch(&input, &kube::api::PatchParams::default(), &patch).await.unwrap();
    namespace.authority_stands(&authority, "True", "Ready").await;
    let secret = namespace.secret_where("cart-mtls", "the other root alone", |secret| {
        value(secret, "ca.crt") == other.pem().into_bytes()
    });
    before.assert_reissued(&Content::of(&secret.await), "distrusted");
}
