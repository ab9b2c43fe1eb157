//! A root Secret that is gone: restored from the backup, accepted as lost, or never there.

use mtls_operator::api::authority::Phase;
use serde_json::{Value, json};
use test_support::installation::SYSTEM;
use test_support::markdown::block;

use crate::fixture::{Fixture, prompt};

/// Puts the root of `mesh` in the place of the one that is gone.
fn put_another_root(fixture: &Fixture) {
    let mut secret = fixture.cluster.get(&["secret", "mtls-authority-mesh", "-n", SYSTEM]);
    secret["metadata"] = json!({
        "name": fixture.root_secret(), "namespace": SYSTEM, "annotations": secret["metadata"]["annotations"],
    });
    secret["metadata"]["annotations"]["mtls-operator.dev/authority"] = json!(fixture.name);
    fixture.cluster.apply(&secret);
}

#[tokio::test]
async fn a_lost_root_is_restored_from_the_backup_and_nothing_is_issued_again() {
    let Some(fixture) = Fixture::new("restored", json!({})).await else { return };
    fixture.issue(&["cart"]).await;
    let (root, serial) = (fixture.root("Signing").await, fixture.serial("cart").await);
    fixture.back_up();
    fixture.lose_root().await;
    put_another_root(&fixture);
    fixture.says("another root").await;
    fixture.run(&block("docs/runbooks.md", "RootLost", "replaced.yaml"));
    fixture.run(&block("docs/runbooks.md", "RootLost", "gpg --decrypt"));
    fixture.stands("True", "Ready").await;
    assert_eq!(fixture.root("Signing").await, root);
    fixture.issue(&["till"]).await;
    fixture.trusts("till", &[&root]).await;
    assert_eq!(fixture.serial("cart").await, serial, "nothing is issued again");
    let kept = std::fs::read_to_string(fixture.file("replaced.yaml")).unwrap();
    assert!(kept.contains("tls.key"), "a copy of what was in its place");
}

#[tokio::test]
async fn a_loss_is_accepted_by_naming_the_root_and_another_one_signs() {
    let Some(fixture) = Fixture::new("accepted", prompt()).await else { return };
    fixture.issue(&["cart"]).await;
    let (lost, serial) = (fixture.root("Signing").await, fixture.serial("cart").await);
    fixture.lose_root().await;
    let accept = block("docs/runbooks.md", "RootLost", "<fingerprint of the Signing one>");
    let shown = fixture.run(&accept.with("<fingerprint of the Signing one>", &lost));
    assert!(shown.starts_with(&format!("Signing {lost}\n")), "{shown}");
    fixture.stands("True", "Ready").await;
    fixture.is_issued_again("cart", &serial).await;
    let next = fixture.root("Signing").await;
    assert_ne!(next, lost);
    fixture.trusts("cart", &[&lost, &next]).await;
    fixture.reaches(Phase::Draining).await;
    fixture.run(&block("docs/runbooks.md", "RootLost", "accept-root-loss-"));
    fixture.back_up();
    let annotations = fixture.authorities().get(&fixture.name).await.unwrap().metadata.annotations.unwrap();
    assert!(!annotations.contains_key("mtls-operator.dev/accept-root-loss"), "{annotations:?}");
}

/// An authority that was deleted with its root Secret, and created again: nothing but its identities, in two namespaces, shows that
/// it had a root. Returns the fingerprint of that.
async fn created_again(name: &str) -> Option<(Fixture, String)> {
    let fixture = Fixture::new(name, prompt()).await?;
    fixture.issue(&["cart"]).await;
    let other = format!("{name}-too");
    fixture.cluster.kubectl(&["create", "namespace", &other]);
    let till: Value = json!({
        "apiVersion": "mtls-operator.dev/v1alpha1", "kind": "MtlsIdentity",
        "metadata": { "name": "till", "namespace": other }, "spec": { "authorityRef": { "name": name } },
    });
    fixture.cluster.apply(&till);
    fixture.cluster.wait("mtlsidentity/till", &other, "condition=Ready");
    let root = fixture.root("Signing").await;
    fixture.lose_root().await;
    fixture.cluster.kubectl(&["delete", "mtlsauthority", name]);
    fixture.create_authority(name, prompt()).await;
    let sentence = fixture.stands("False", "RootLost").await;
    assert!(sentence.contains("If there was no such root"), "{sentence}");
    assert!(fixture.status().await.roots.is_empty());
    Some((fixture, root))
}

#[tokio::test]
async fn a_root_that_status_does_not_name_is_found_in_the_bundles_of_two_namespaces() {
    let Some((fixture, lost)) = created_again("found").await else { return };
    let shown = fixture.run(&block("docs/runbooks.md", "RootLost", "openssl x509"));
    let lines: Vec<Vec<&str>> = shown.lines().map(|line| line.split_whitespace().collect()).collect();
    let namespaces: Vec<&str> = lines.iter().map(|words| words[1]).collect();
    assert_eq!(namespaces, ["found", "found-too"], "{shown}");
    let named = shown.lines().next().unwrap().rsplit_once('=').unwrap().1;
    assert_eq!(named.replace(':', "").to_lowercase(), lost, "{shown}");
    let accept = block("docs/runbooks.md", "RootLost", "<fingerprint of the Signing one>");
    fixture.run(&accept.with("<fingerprint of the Signing one>", named));
    fixture.stands("True", "Ready").await;
    let next = fixture.root("Signing").await;
    fixture.trusts("cart", &[&lost, &next]).await;
}

#[tokio::test]
async fn where_there_was_no_such_root_none_is_accepted_and_nothing_else_is_trusted() {
    let Some((fixture, doubted)) = created_again("doubted").await else { return };
    let identity = fixture.identities().get("cart").await.unwrap();
    let signer = identity.status.unwrap().authority_key_id.unwrap();
    let named = fixture.run(&block("docs/runbooks.md", "Is it a lost root, or a forged status?", "uniq -c"));
    let rows: Vec<Vec<&str>> = named.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows, [["1", &signer, "doubted"], ["1", &signer, "doubted-too"]], "{named}");
    let shown =
        fixture.run(&block("docs/runbooks.md", "Is it a lost root, or a forged status?", "managedFields"));
    assert!(shown.replace(':', "").to_lowercase().contains(&signer), "{shown}");
    assert!(shown.contains("\"manager\": \"mtls-operator\""), "{shown}");
    fixture.run(&block(
        "docs/runbooks.md",
        "Is it a lost root, or a forged status?",
        "accept-root-loss=none",
    ));
    fixture.stands("True", "Ready").await;
    let root = fixture.root("Signing").await;
    assert_ne!(root, doubted);
    fixture.trusts("cart", &[&root]).await;
}
