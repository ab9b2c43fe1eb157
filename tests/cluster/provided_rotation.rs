//! CAs that people provide follow each other on a real API server, whatever their keys: a whole rotation.

use mtls_operator::api::MtlsAuthority;
use mtls_operator::api::authority::Phase;
use serde_json::json;

use crate::content::Content;
use crate::provided::Realm;
use crate::provided_ca::{Ca, KeyKind};

/// Waits until the authority has come to this phase.
async fn reaches(realm: &Realm, phase: Phase) {
    let is_so =
        |found: &MtlsAuthority| found.status.as_ref().is_some_and(|status| status.phase() == Some(phase));
    realm.scene.authority_where(&realm.authority, phase.as_str(), is_so).await;
}

async fn content(realm: &Realm) -> Content {
    Content::of(&realm.scene.secret("cart-mtls").await)
}

/// An Ed25519 root, then an intermediate with RSA below a root with RSA.
#[tokio::test]
async fn provided_cas_with_other_keys_follow_each_other_in_a_whole_rotation() {
    let first = Ca::root_of("First Root", KeyKind::Ed25519);
    let anchor = Ca::root_of("Second Root", KeyKind::Rsa2048);
    let second = anchor.intermediate_of("Second Issuing", KeyKind::Rsa2048);
    let swift = json!({
        "leaf": { "ttl": "1m", "maxTTL": "1m" }, "rotation": { "propagation": "10s", "spreadOver": "0s" },
    });
    let realm = Realm::with(first.provided(&first), swift).await;
    let before = realm.issue("cart").await;
    assert_eq!(before.trust, first.pem().into_bytes());
    realm.replace(second.provided(&anchor)).await;
    reaches(&realm, Phase::Announced).await;
    let both = |content: &Content| {
        let trust = String::from_utf8(content.trust.clone()).unwrap();
        [&first, &anchor].iter().all(|root| trust.contains(root.pem().trim()))
    };
    realm.scene.secret_where("cart-mtls", "both roots", |secret| both(&Content::of(secret))).await;
    reaches(&realm, Phase::Draining).await;
    let drained = content(&realm).await;
    assert!(both(&drained), "the former root left the bundle before its last leaf");
    reaches(&realm, Phase::Stable).await;
    let alone = |content: &Content| content.trust == anchor.pem().into_bytes();
    realm
        .scene
        .secret_where("cart-mtls", "the second root alone", |secret| alone(&Content::of(secret)))
        .await;
    before.assert_reissued(&content(&realm).await, "another CA");
    realm.scene.ready("cart").await;
}
