//! What the certificate says is issued anew when it is asked anew; everything else is applied without a new key.

use futures::future::join_all;
use mtls_operator::api::MtlsIdentity;
use serde_json::{Value, json};

use crate::content::Content;
use crate::stage::{Scene, Stage, note};

#[tokio::test]
async fn every_change_of_the_content_is_issued_anew() {
    let scene = Stage::shared().scene().await;
    let (authority, other) = (scene.unique("first"), scene.unique("second"));
    let grants =
        json!({ "grants": [{ "name": "edge", "namespaces": { "from": "All" }, "cidrs": ["10.0.0.0/8"] }] });
    for name in [&authority, &other] {
        scene.create_authority(name, grants.clone()).await;
    }
    let own_name = format!("db.cart.{}.svc", scene.namespace);
    let changes = [
        ("authority", json!({ "authorityRef": { "name": other } })),
        ("account", json!({ "serviceAccountName": "other" })),
        ("services", json!({ "services": ["front"] })),
        ("dns-names", json!({ "dnsNames": [own_name] })),
        ("addresses", json!({ "ipAddresses": ["10.0.0.7"] })),
        ("ttl", json!({ "ttl": "2h" })),
        ("algorithm", json!({ "privateKey": { "algorithm": "ED25519" } })),
    ];
    let reissued = changes.into_iter().map(|(name, change)| is_reissued(&scene, &authority, name, change));
    join_all(reissued).await;
}

async fn is_reissued(scene: &Scene, authority: &str, name: &str, change: Value) {
    scene.create(name, json!({ "authorityRef": { "name": authority } })).await;
    let before = issued(scene, name, 1).await;
    scene.patch(name, json!({ "spec": change })).await.unwrap();
    let after = issued(scene, name, 2).await;
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
async fn issued(scene: &Scene, name: &str, revision: i64) -> Content {
    scene.ready(name).await;
    let what = format!("revision {revision}");
    scene.identity_where(name, &what, |identity| revision_of(identity) == Some(revision)).await;
    Content::of(&scene.secret(&format!("{name}-mtls")).await)
}

fn revision_of(identity: &MtlsIdentity) -> Option<i64> {
    identity.status.as_ref()?.revision
}

#[tokio::test]
async fn a_margin_of_renewal_is_applied_without_a_new_key() {
    let scene = Stage::shared().scene().await;
    scene.create("cart", json!({})).await;
    let before = issued(&scene, "cart", 1).await;
    let renewal = scene.ready("cart").await.status.unwrap().renewal_time;
    scene.patch("cart", json!({ "spec": { "renewBefore": "1h" } })).await.unwrap();
    let later = scene.ready("cart").await.status.unwrap().renewal_time;
    before.assert_kept(&issued(&scene, "cart", 1).await, "renewBefore");
    assert!(
        later.as_ref().map(|time| time.0) > renewal.as_ref().map(|time| time.0),
        "{later:?} after {renewal:?}"
    );
}

#[tokio::test]
async fn reclaim_adds_and_removes_the_owner_without_a_new_key() {
    let scene = Stage::shared().scene().await;
    scene.create("cart", json!({})).await;
    let before = issued(&scene, "cart", 1).await;
    for (reclaim, owners) in [("Retain", 0), ("Delete", 1)] {
        scene.patch("cart", json!({ "spec": { "secret": { "reclaim": reclaim } } })).await.unwrap();
        let what = format!("{owners} owners");
        let secret = scene
            .secret_where("cart-mtls", &what, |secret| {
                secret.metadata.owner_references.as_ref().map_or(0, Vec::len) == owners
            })
            .await;
        before.assert_kept(&Content::of(&secret), reclaim);
        issued(&scene, "cart", 1).await;
    }
}

#[tokio::test]
async fn a_pause_keeps_the_key_and_issues_nothing() {
    let scene = Stage::shared().scene().await;
    scene.create("cart", json!({})).await;
    let before = issued(&scene, "cart", 1).await;
    scene.patch("cart", json!({ "spec": { "paused": true } })).await.unwrap();
    scene.stands("cart", "True", "Paused").await;
    before.assert_kept(&Content::of(&scene.secret("cart-mtls").await), "paused");
    scene.patch("cart", json!({ "spec": { "services": ["front"] } })).await.unwrap();
    scene.stands("cart", "False", "Paused").await;
    before
        .assert_kept(&Content::of(&scene.secret("cart-mtls").await), "paused, and asked for something else");
    scene.patch("cart", json!({ "spec": { "paused": false } })).await.unwrap();
    before.assert_reissued(&issued(&scene, "cart", 2).await, "resumed");
}

#[tokio::test]
async fn labels_and_annotations_come_and_go_without_a_new_key() {
    let scene = Stage::shared().scene().await;
    let keys =
        json!({ "labels": { "team": "blue", "tier": "web" }, "annotations": { "example.com/a": "1" } });
    scene.create("cart", json!({ "secret": keys })).await;
    let before = issued(&scene, "cart", 1).await;
    scene
        .patch_secret("cart-mtls", json!({ "metadata": { "labels": { "theirs": "stays" } } }))
        .await
        .unwrap();
    let change = json!({ "labels": { "team": "red", "tier": null }, "annotations": { "example.com/a": null, "example.com/b": "2" } });
    scene.patch("cart", json!({ "spec": { "secret": change } })).await.unwrap();
    let secret = scene
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
    issued(&scene, "cart", 1).await;
}

#[tokio::test]
async fn the_renew_annotation_renews_once_for_each_value() {
    let scene = Stage::shared().scene().await;
    scene.create("cart", json!({})).await;
    let mut before = issued(&scene, "cart", 1).await;
    for (revision, value) in [(2, "monday"), (3, "tuesday")] {
        let request = json!({ "metadata": { "annotations": { "mtls-operator.dev/renew": value } } });
        scene.patch("cart", request).await.unwrap();
        let after = issued(&scene, "cart", revision).await;
        before.assert_reissued(&after, value);
        before = after;
    }
    // The request stands there still; whatever else changes, it has been answered.
    scene.patch("cart", json!({ "spec": { "secret": { "labels": { "team": "red" } } } })).await.unwrap();
    let after = issued(&scene, "cart", 3).await;
    before.assert_kept(&after, "a request that was answered");
    let identity = scene.ready("cart").await;
    assert_eq!(identity.status.unwrap().last_handled_renew.as_deref(), Some("tuesday"));
    assert_eq!(note(&scene.secret("cart-mtls").await, "renew-request").as_deref(), Some("tuesday"));
}
