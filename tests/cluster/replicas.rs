//! One replica works at a time; when it goes, in whatever way, another takes over and issues nothing twice.

use std::process::Command;

use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use serde_json::json;

use crate::content::Content;
use crate::stage::{SYSTEM, Scene, Stage, wait};

/// Waits until the Lease has a holder who is accepted, or none, and returns who it is.
async fn holder(scene: &Scene, what: &str, is_accepted: impl Fn(Option<&str>) -> bool) -> Option<String> {
    let leases = Api::<Lease>::namespaced(scene.client.clone(), SYSTEM);
    let holder_of = |lease: &Lease| lease.spec.as_ref().and_then(|spec| spec.holder_identity.clone());
    wait(leases, "mtls-operator", what, |lease| {
        let holder = holder_of(lease?).filter(|holder| !holder.is_empty());
        is_accepted(holder.as_deref()).then_some(holder)
    })
    .await
}

async fn leader_among(scene: &Scene, replicas: &'static [&'static str]) -> &'static str {
    let is = |replica: &str, holder: &str| holder.starts_with(&format!("{replica}_"));
    let found = holder(scene, "a leader", |holder| {
        holder.is_some_and(|holder| replicas.iter().any(|replica| is(replica, holder)))
    });
    let found = found.await.unwrap();
    replicas.iter().find(|replica| is(replica, &found)).unwrap()
}

#[tokio::test]
async fn when_the_leader_is_killed_the_other_replica_takes_over_and_issues_nothing_twice() {
    let stage = Stage::without_operator(&[]);
    let scene = stage.scene().await;
    for replica in ["one", "two"] {
        stage.start_operator_as(replica, &[]);
    }
    scene.create("before", json!({})).await;
    scene.ready("before").await;
    let before = Content::of(&scene.secret("before-mtls").await);
    let leader = leader_among(&scene, &["one", "two"]).await;
    stage.cluster.lock().unwrap().stop_program(leader).unwrap();
    scene.create("after", json!({})).await;
    scene.ready("after").await;
    assert_ne!(leader_among(&scene, &["one", "two"]).await, leader);
    before.assert_kept(&Content::of(&scene.secret("before-mtls").await), "another leader");
    for name in ["before", "after"] {
        assert_eq!(scene.ready(name).await.status.unwrap().revision, Some(1), "{name} was issued twice");
    }
}

#[tokio::test]
async fn an_operator_that_is_asked_to_stop_releases_the_lease() {
    let stage = Stage::without_operator(&[]);
    let scene = stage.scene().await;
    let pid = stage.start_operator_as("one", &[]);
    scene.create("cart", json!({})).await;
    scene.ready("cart").await;
    let asked = Command::new("kill").args(["-TERM", &pid.to_string()]).status().unwrap();
    assert!(asked.success());
    holder(&scene, "the Lease to be released", |holder| holder.is_none()).await;
}
