//! A change of what the certificate says issues another one; every other change is applied without a new key.

use futures::future::join_all;
use mtls_operator::api::MtlsIdentity;
use serde_json::{Value, json};
use test_support::cluster::TestCluster;
use test_support::namespace::TestNamespace;
use test_support::objects::note;

use crate::leaf_content::Content;

#[tokio::test]
async fn every_change_of_the_content_is_issued_again() {
    let namespace = TestCluster::shared().namespace().await;
    let (authority, other) = (namespace.unique("first"), namespace.unique("second"));
    let grants =
        json!({ "grants": [{ "name": "edge", "namespaces": { "from": "All" }, "cidrs": ["10.0.0.0/8"] }] });
    for name in [&authority, &other] {
        namespace.create_authority(name, grants.clone()).await;
    }
    let own_name = format!("db.cart.{}.svc", namespace.name);
    let changes = [
        ("authority", json!({ "authorityRef": { "name": other } })),
        ("account", json!({ "serviceAccountName": "other" })),
        ("services", json!({ "services": ["front"] })),
        ("dns-names", json!({ "dnsNames": [own_name] })),
        ("addresses", json!({ "ipAddresses": ["10.0.0.7"] })),
        ("ttl", json!({ "ttl": "2h" })),
        ("algorithm", json!({ "privateKey": { "algorithm": "ED25519" } })),
    ];
    let reissued =
        changes.into_iter().map(|(name, change)| is_reissued(&namespace, &authority, name, change));
    join_all(reissued).await;
}

async fn is_reissued(namespace: &TestNamespace, authority: &str, name: &str, change: Value) {
    namespace.create(name, json!({ "authorityRef": { "name": authority } })).await;
    let before = issued(namespace, name, 1).await;
    namespace.patch(name, json!({ "spec": change })).await.unwrap();
    let after = issued(namespace, name, 2).await;
    before.assert_reissued(&after, name);
    let asked = change.to_string();
    let (old, new) = (said(&before), said(&after));
    assert_ne!(old, new, "{asked} is not in the certificate");
}

/// All that a certificate says but its serial number and key.
fn said(content: &Content) -> impl PartialEq + std::fmt::Debug + use<> {
    let leaf = &content.leaf;
    let life = leaf.window.not_after.duration_since(leaf.window.not_before);
    let names = (leaf.spiffe_ids.clone(), leaf.dns_names.clone(), leaf.ip_addresses.clone());
    (names, leaf.authority_key_id.clone(), leaf.key_algorithm, life.as_mins())
}

/// Waits until the identity is Ready in this revision.
async fn issued(namespace: &TestNamespace, name: &str, revision: i64) -> Content {
    namespace.ready(name).await;
    let what = format!("revision {revision}");
    namespace.identity_where(name, &what, |identity| revision_of(identity) == Some(revision)).await;
    Content::of(&namespace.secret(&format!("{name}-mtls")).await)
}

fn revision_of(identity: &MtlsIdentity) -> Option<i64> {
    identity.status.as_ref()?.revision
}

#[tokio::test]
async fn a_margin_of_renewal_is_applied_without_a_new_key() {
    let namespace = TestCluster::shared().namespace().await;
    namespace.create("cart", json!({})).await;
    let before = issued(&namespace, "cart", 1).await;
    let renewal = namespace.ready("cart").await.status.unwrap().renewal_time;
    namespace.patch("cart", json!({ "spec": { "renewBefore": "1h" } })).await.unwrap();
    let later = namespace.ready("cart").await.status.unwrap().renewal_time;
    before.assert_kept(&issued(&namespace, "cart", 1).await, "renewBefore");
    assert!(
        later.as_ref().map(|time| time.0) > renewal.as_ref().map(|time| time.0),
        "{later:?} after {renewal:?}"
    );
}

#[tokio::test]
async fn reclaim_adds_and_removes_the_owner_without_a_new_key() {
    let namespace = TestCluster::shared().namespace().await;
    namespace.create("cart", json!({})).await;
    let before = issued(&namespace, "cart", 1).await;
    for (reclaim, owners) in [("Retain", 0), ("Delete", 1)] {
        namespace.patch("cart", json!({ "spec": { "secret": { "reclaim": reclaim } } })).await.unwrap();
        let what = format!("{owners} owners");
        let secret = namespace
            .secret_where("cart-mtls", &what, |secret| {
                secret.metadata.owner_references.as_ref().map_or(0, Vec::len) == owners
            })
            .await;
        before.assert_kept(&Content::of(&secret), reclaim);
        issued(&namespace, "cart", 1).await;
    }
}

#[tokio::test]
async fn a_pause_keeps_the_key_and_issues_nothing() {
    let namespace = TestCluster::shared().namespace().await;
    namespace.create("cart", json!({})).await;
    let before = issued(&namespace, "cart", 1).await;
    namespace.patch("cart", json!({ "spec": { "paused": true } })).await.unwrap();
    namespace.stands("cart", "True", "Paused").await;
    before.assert_kept(&Content::of(&namespace.secret("cart-mtls").await), "paused");
    namespace.patch("cart", json!({ "spec": { "services": ["front"] } })).await.unwrap();
    namespace.stands("cart", "False", "Paused").await;
    before.assert_kept(
        &Content::of(&namespace.secret("cart-mtls").await),
        "paused, and asked for something else",
    );
    namespace.patch("cart", json!({ "spec": { "paused": false } })).await.unwrap();
    before.assert_reissued(&issued(&namespace, "cart", 2).await, "resumed");
}

#[tokio::test]
async fn labels_and_annotations_come_and_go_without_a_new_key() {
    let namespace = TestCluster::shared().namespace().await;
    let keys =
        json!({ "labels": { "team": "blue", "tier": "web" }, "annotations": { "example.com/a": "1" } });
    namespace.create("cart", json!({ "secret": keys })).await;
    let before = issued(&namespace, "cart", 1).await;
    namespace
        .patch_secret("cart-mtls", json!({ "metadata": { "labels": { "theirs": "stays" } } }))
        .await
        .unwrap();
    let change = json!({ "labels": { "team": "red", "tier": null }, "annotations": { "example.com/a": null, "example.com/b": "2" } });
    namespace.patch("cart", json!({ "spec": { "secret": change } })).await.unwrap();
    let secret = namespace
        .secret_where("cart-mtls", "the new keys", |secret| {
            let labels = secret.metadata.labels.as_ref().unwrap();
            let notes = secret.metadata.annotations.as_ref().unwrap();
            let labels_fit =
                labels.get("team").is_some_and(|team| team == "red") && !labels.contains_key("tier");
            labels_fit && notes.contains_key("example.com/b") && !notes.contains_key("example.com/a")
        })
        .await;
    assert_eq!(secret.metadata.labels.as_ref().unwrap()["theirs"], "stays");
    before.assert_kept(&Content::of(&secret), "labels");
    issued(&namespace, "cart", 1).await;
}

#[tokio::test]
async fn the_renew_annotation_renews_once_for_each_value() {
    let namespace = TestCluster::shared().namespace().await;
    namespace.create("cart", json!({})).await;
    let mut before = issued(&namespace, "cart", 1).await;
    for (revision, value) in [(2, "monday"), (3, "tuesday")] {
        let request = json!({ "metadata": { "annotations": { "mtls-operator.dev/renew": value } } });
        namespace.patch("cart", request).await.unwrap();
        let after = issued(&namespace, "cart", revision).await;
        before.assert_reissued(&after, value);
        before = after;
    }
    // The annotation is still set; whatever else changes, it has been answered.
    namespace.patch("cart", json!({ "spec": { "secret": { "labels": { "team": "red" } } } })).await.unwrap();
    let after = issued(&namespace, "cart", 3).await;
    before.assert_kept(&after, "a request that was answered");
    let identity = namespace.ready("cart").await;
    assert_eq!(identity.status.unwrap().last_handled_renew.as_deref(), Some("tuesday"));
    assert_eq!(note(&namespace.secret("cart-mtls").await, "renew-request").as_deref(), Some("tuesday"));
}
