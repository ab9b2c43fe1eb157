//! A planned rotation, as the runbook has it: from the first look at what is in the way to the backup of the new root.

use std::fs;

use mtls_operator::api::authority::Phase;
use serde_json::{Value, json};
use test_support::markdown::block;

use crate::fixture::{Fixture, prompt, swift};

/// What the last backup holds of the root of this authority.
fn saved(fixture: &Fixture) -> Value {
    let backup: Value = serde_json::from_slice(&fs::read(fixture.file("roots.json.gpg")).unwrap()).unwrap();
    let name = json!(fixture.root_secret());
    let items = backup["items"].as_array().unwrap();
    items.iter().find(|item| item["metadata"]["name"] == name).unwrap()["data"].clone()
}

#[tokio::test]
async fn a_planned_rotation_goes_through_its_phases_and_ends_with_another_root_that_is_backed_up() {
    let Some(fixture) = Fixture::new("planned", swift()).await else { return };
    fixture.issue(&["cart", "till"]).await;
    let former = fixture.root("Signing").await;
    let seen = fixture.run(&block("docs/runbooks.md", "Rotate the root", "grep -v ' True '"));
    let mut own = seen.lines().filter(|line| line.starts_with("planned "));
    assert!(own.next().unwrap().contains(" Stable "), "{seen}");
    assert_eq!(own.next(), None, "every identity is ready");
    fixture.back_up();
    let first_backup = saved(&fixture);
    fixture.run(&block("docs/runbooks.md", "Rotate the root", "mtls-operator.dev/rotate="));
    fixture.reaches(Phase::Draining).await;
    let next = fixture.root("Signing").await;
    assert_ne!(next, former);
    let seen = fixture.run(&block("docs/runbooks.md", "Rotate the root", "waitingFor"));
    assert!(seen.starts_with("Draining since 20"), "{seen}");
    let told = fixture.run(&block("docs/reference.md", "Events and log lines", "kubectl get events"));
    for event in ["Announce", "Switch"] {
        let is_told =
            |line: &str| line.contains(event) && line.contains(&format!("mtlsauthority/{} ", fixture.name));
        assert!(told.lines().any(is_told), "{event}: {told}");
        assert!(seen.lines().any(is_told), "{event}: {seen}");
    }
    fixture.back_up();
    assert_ne!(saved(&fixture), first_backup, "the new root signs: the former backup is out of date");
    for identity in ["cart", "till"] {
        fixture.trusts(identity, &[&former, &next]).await;
    }
    fixture.reaches(Phase::Stable).await;
    assert_eq!(fixture.root("Signing").await, next);
    for identity in ["cart", "till"] {
        fixture.trusts(identity, &[&next]).await;
    }
}

#[tokio::test]
async fn the_annotation_asks_for_a_rotation_once() {
    let Some(fixture) = Fixture::new("asked", prompt()).await else { return };
    fixture.issue(&["cart"]).await;
    let former = fixture.root("Signing").await;
    fixture.run(&block("docs/rotation.md", "When a root is replaced", "mtls-operator.dev/rotate="));
    fixture.reaches(Phase::Draining).await;
    assert_eq!(fixture.root("Retiring").await, former);
    let rotation = fixture.status().await.rotation.unwrap();
    let asked = fixture.authorities().get(&fixture.name).await.unwrap().metadata.annotations.unwrap();
    assert_eq!(rotation.last_handled_rotate.as_ref(), asked.get("mtls-operator.dev/rotate"));
}
