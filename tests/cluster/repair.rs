//! What people change in a Secret is repaired, with a new key only where key or certificate was changed.

use k8s_openapi::api::core::v1::Secret;
use serde_json::{Value, json};
use test_support::cluster::TestCluster;
use test_support::namespace::TestNamespace;
use test_support::objects::value;

use crate::leaf_content::Content;

/// A namespace with one identity that is issued, and what its Secret holds.
async fn issued() -> (TestNamespace, Content) {
    let namespace = TestCluster::shared().namespace().await;
    namespace.create("cart", json!({})).await;
    namespace.ready("cart").await;
    let content = Content::of(&namespace.secret("cart-mtls").await);
    (namespace, content)
}

/// Waits until the identity is Ready with another leaf, and checks that it is sound.
async fn healed_by_a_new_leaf(namespace: &TestNamespace, before: &Content, why: &str) {
    namespace
        .identity_where("cart", "a second issuance", |identity| {
            identity.status.as_ref().is_some_and(|status| status.revision == Some(2))
        })
        .await;
    namespace.ready("cart").await;
    before.assert_reissued(&Content::of(&namespace.secret("cart-mtls").await), why);
}

/// Waits until the Secret satisfies this condition, and checks that key and certificate are the same.
async fn healed_in_place(
    namespace: &TestNamespace,
    before: &Content,
    why: &str,
    is_so: impl Fn(&Secret) -> bool,
) {
    let secret = namespace.secret_where("cart-mtls", why, is_so).await;
    before.assert_kept(&Content::of(&secret), why);
    let identity = namespace.ready("cart").await;
    assert_eq!(identity.status.unwrap().revision, Some(1), "{why}");
}

fn data(key: &str, content: &[u8]) -> Value {
    json!({ "data": { key: k8s_openapi::ByteString(content.to_vec()) } })
}

#[tokio::test]
async fn a_deleted_secret_comes_back_with_a_new_key() {
    let (namespace, before) = issued().await;
    namespace.delete_secret("cart-mtls").await;
    healed_by_a_new_leaf(&namespace, &before, "deleted").await;
}

#[tokio::test]
async fn a_swapped_key_is_replaced_with_its_certificate() {
    let (namespace, before) = issued().await;
    namespace.create("other", json!({})).await;
    namespace.ready("other").await;
    let other = value(&namespace.secret("other-mtls").await, "tls.key");
    namespace.patch_secret("cart-mtls", data("tls.key", &other)).await.unwrap();
    healed_by_a_new_leaf(&namespace, &before, "the key of another identity").await;
}

#[tokio::test]
async fn a_corrupted_certificate_is_replaced() {
    let (namespace, before) = issued().await;
    namespace.patch_secret("cart-mtls", data("tls.crt", b"no certificate")).await.unwrap();
    healed_by_a_new_leaf(&namespace, &before, "no certificate").await;
}

#[tokio::test]
async fn the_certificate_of_another_identity_is_replaced() {
    let (namespace, before) = issued().await;
    namespace.create("other", json!({})).await;
    namespace.ready("other").await;
    let other = namespace.secret("other-mtls").await;
    let both = json!({ "data": { "tls.crt": other.data.as_ref().unwrap()["tls.crt"], "tls.key": other.data.as_ref().unwrap()["tls.key"] } });
    namespace.patch_secret("cart-mtls", both).await.unwrap();
    healed_by_a_new_leaf(&namespace, &before, "key and certificate of another identity").await;
}

#[tokio::test]
async fn an_edited_trust_bundle_is_restored_without_a_new_key() {
    let (namespace, before) = issued().await;
    for edited in [b"".as_slice(), b"no certificate", &[before.trust.clone(), before.trust.clone()].concat()]
    {
        namespace.patch_secret("cart-mtls", data("ca.crt", edited)).await.unwrap();
        healed_in_place(&namespace, &before, "the trust bundle", |secret| {
            value(secret, "ca.crt") == before.trust
        })
        .await;
    }
}

#[tokio::test]
async fn stripped_labels_are_put_back_without_a_new_key() {
    let (namespace, before) = issued().await;
    let ours = ["app.kubernetes.io/managed-by", "mtls-operator.dev/authority", "mtls-operator.dev/identity"];
    let stripped: Value = ours.iter().map(|label| ((*label).to_owned(), Value::Null)).collect();
    namespace.patch_secret("cart-mtls", json!({ "metadata": { "labels": stripped } })).await.unwrap();
    healed_in_place(&namespace, &before, "all labels", |secret| {
        let labels = secret.metadata.labels.clone().unwrap_or_default();
        ours.iter().all(|label| labels.contains_key(*label))
    })
    .await;
}

#[tokio::test]
async fn edited_annotations_and_a_removed_owner_are_put_back_without_a_new_key() {
    let (namespace, before) = issued().await;
    let notes = json!({ "mtls-operator.dev/serial": "00", "mtls-operator.dev/trust": null });
    let patch = json!({ "metadata": { "annotations": notes, "ownerReferences": [] } });
    namespace.patch_secret("cart-mtls", patch).await.unwrap();
    healed_in_place(&namespace, &before, "annotations and owner", |secret| {
        let notes = secret.metadata.annotations.as_ref().unwrap();
        let is_noted = notes["mtls-operator.dev/serial"] == before.serial();
        let owners = secret.metadata.owner_references.as_ref().map_or(0, Vec::len);
        is_noted && notes.contains_key("mtls-operator.dev/trust") && owners == 1
    })
    .await;
}

#[tokio::test]
async fn labels_and_annotations_of_others_are_left_alone() {
    let (namespace, before) = issued().await;
    let theirs = json!({ "labels": { "theirs": "x" }, "annotations": { "example.com/theirs": "y" } });
    let patched = namespace.patch_secret("cart-mtls", json!({ "metadata": theirs })).await.unwrap();
    // Status names the version that was verified last: then the edit has been seen.
    let version = patched.metadata.resource_version.clone();
    let what = "the edit to be seen";
    namespace
        .identity_where("cart", what, |identity| {
            let seen = identity.status.as_ref().and_then(|status| status.secret.as_ref());
            seen.map(|secret| &secret.resource_version) == version.as_ref()
        })
        .await;
    let secret = namespace.secret("cart-mtls").await;
    assert_eq!(secret.metadata.resource_version, version);
    before.assert_kept(&Content::of(&secret), "labels of others");
}
