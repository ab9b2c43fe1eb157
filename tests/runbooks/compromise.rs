//! A compromised root is named and leaves every bundle, and what was distrusted with it is named too.

use mtls_operator::api::authority::{MtlsAuthorityStatus, Phase};
use serde_json::json;
use test_support::markdown::{Commands, block};

use crate::fixture::{Fixture, prompt};

/// The step that names a root, as the runbook and the page on rotations have it.
fn steps() -> [Commands; 2] {
    [
        block("docs/runbooks.md", "A compromised root", "<fingerprint>"),
        block("docs/rotation.md", "A compromised root", "<fingerprint>"),
    ]
}

/// Waits until the root that signs is another than this.
async fn another_signs(fixture: &Fixture, former: &str) -> String {
    let is_other =
        |status: &MtlsAuthorityStatus| status.signing_root().is_some_and(|root| root.fingerprint != former);
    let status = fixture.status_where("another root to sign", is_other).await;
    status.signing_root().unwrap().fingerprint.clone()
}

/// Certificates that the runbook shows in the bundle of an identity.
fn shown(fixture: &Fixture) -> String {
    let look = block("docs/runbooks.md", "A compromised root", "openssl crl2pkcs7");
    fixture.run(&look.with("<namespace>", &fixture.name).with("<name>", "cart"))
}

#[tokio::test]
async fn a_compromised_root_is_named_and_leaves_the_bundle_at_once() {
    for (name, step) in ["stolen", "leaked"].into_iter().zip(steps()) {
        let Some(fixture) = Fixture::new(name, json!({})).await else { return };
        fixture.issue(&["cart"]).await;
        let (root, serial) = (fixture.root("Signing").await, fixture.serial("cart").await);
        let before = shown(&fixture);
        let listed = fixture.run(&step.with("<fingerprint>", &root));
        assert!(listed.starts_with(&format!("Signing {root}\n")), "{listed}");
        let next = another_signs(&fixture, &root).await;
        fixture.trusts("cart", &[&next]).await;
        fixture.is_issued_again("cart", &serial).await;
        let after = shown(&fixture);
        assert_eq!(after.matches("subject=").count(), 1, "{after}");
        assert_ne!(after, before);
    }
}

#[tokio::test]
async fn a_root_that_was_distrusted_with_another_is_shown_and_named_by_the_command_of_ready() {
    let Some(fixture) = Fixture::new("both", json!({})).await else { return };
    fixture.issue(&["cart"]).await;
    fixture.run(&block("docs/runbooks.md", "Rotate the root", "mtls-operator.dev/rotate="));
    fixture.reaches(Phase::Announced).await;
    let (root, announced) = (fixture.root("Signing").await, fixture.root("Next").await);
    let [step, _] = steps();
    let listed = fixture.run(&step.with("<fingerprint>", &root));
    assert!(listed.contains(&format!("Next {announced}\n")), "{listed}");
    let next = another_signs(&fixture, &root).await;
    assert_ne!(next, announced, "its key was in the same Secret");
    fixture.trusts("cart", &[&next]).await;
    let dropped = fixture.run(&block("docs/runbooks.md", "A compromised root", ".status.distrusted"));
    assert!(dropped.contains(&format!("{announced} ")), "{dropped}");
    let sentence = fixture.says("kubectl patch mtlsauthority").await;
    let (_, command) = sentence.split_once("kubectl ").unwrap();
    let (command, _) = command.rsplit_once('\'').unwrap();
    fixture.paste(&format!("kubectl {command}'"));
    let spec = fixture.authorities().get(&fixture.name).await.unwrap().spec;
    let named: Vec<String> = spec.distrusted_roots.into_iter().map(|root| root.fingerprint).collect();
    assert!(named.contains(&root) && named.contains(&announced), "{named:?}");
}

#[tokio::test]
async fn a_backup_brings_no_root_back_that_is_named() {
    let Some(fixture) = Fixture::new("refused", prompt()).await else { return };
    fixture.issue(&["cart"]).await;
    let root = fixture.root("Signing").await;
    fixture.back_up();
    let [step, _] = steps();
    fixture.run(&step.with("<fingerprint>", &root));
    let next = another_signs(&fixture, &root).await;
    fixture.lose_root().await;
    fixture.run(&block("docs/runbooks.md", "RootLost", "gpg --decrypt"));
    fixture.says("another root").await;
    fixture.trusts("cart", &[&next]).await;
}
