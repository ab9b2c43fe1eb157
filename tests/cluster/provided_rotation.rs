//! CAs that people provide follow each other on a real API server, whatever their keys: a whole rotation.

use mtls_operator::api::MtlsAuthority;
use mtls_operator::api::authority::Phase;
use mtls_operator::runtime::clock::Clock;
use rcgen::{KeyPair, PKCS_ED25519, PKCS_RSA_SHA256, RsaKeySize};
use serde_json::json;
use test_support::ca::Ca;

use crate::leaf_content::Content;
use crate::provided::AuthorityFixture;

/// Waits until the authority has come to this phase.
async fn reaches(fixture: &AuthorityFixture, phase: Phase) {
    let is_so =
        |found: &MtlsAuthority| found.status.as_ref().is_some_and(|status| status.phase() == Some(phase));
    fixture.namespace.authority_where(&fixture.authority, phase.as_str(), is_so).await;
}

async fn content(fixture: &AuthorityFixture) -> Content {
    Content::of(&fixture.namespace.secret("cart-mtls").await)
}

fn rsa_key() -> KeyPair {
    KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap()
}

/// An Ed25519 root, then an intermediate with RSA below a root with RSA.
#[tokio::test]
async fn provided_cas_with_other_keys_follow_each_other_in_a_whole_rotation() {
    let now = Clock::system().now();
    let first = Ca::root_of(KeyPair::generate_for(&PKCS_ED25519).unwrap(), "First Root", now, |_| ());
    let anchor = Ca::root_of(rsa_key(), "Second Root", now, |_| ());
    let second = anchor.intermediate_of(rsa_key(), "Second Issuing", |_| ());
    let swift = json!({
        "leaf": { "ttl": "1m", "maxTTL": "1m" }, "rotation": { "propagation": "10s", "spreadOver": "0s" },
    });
    let fixture = AuthorityFixture::with(first.data(&first.pem()), swift).await;
    let before = fixture.issue("cart").await;
    assert_eq!(before.trust, first.pem().into_bytes());
    fixture.replace(second.data(&anchor.pem())).await;
    reaches(&fixture, Phase::Announced).await;
    let both = |content: &Content| {
        let trust = String::from_utf8(content.trust.clone()).unwrap();
        [&first, &anchor].iter().all(|root| trust.contains(root.pem().trim()))
    };
    fixture.namespace.secret_where("cart-mtls", "both roots", |secret| both(&Content::of(secret))).await;
    reaches(&fixture, Phase::Draining).await;
    let drained = content(&fixture).await;
    assert!(both(&drained), "the former root left the bundle before its last leaf");
    reaches(&fixture, Phase::Stable).await;
    let alone = |content: &Content| content.trust == anchor.pem().into_bytes();
    fixture
        .namespace
        .secret_where("cart-mtls", "the second root alone", |secret| alone(&Content::of(secret)))
        .await;
    before.assert_reissued(&content(&fixture).await, "another CA");
    fixture.namespace.ready("cart").await;
}
