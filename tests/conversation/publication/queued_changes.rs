//! Changes of published bundles that waited in the queue: applied as they are right when their turn comes, or not at all.

use std::time::Duration;

use jiff::SignedDuration;
use mtls_operator::operator::trust_bundle::apply::apply;
use mtls_operator::operator::trust_bundle::store::PublishFailure;
use serde_json::{Value, json};
use test_support::in_memory::harness::{AUTHORITIES, CONFIG_MAPS, NAMESPACE, SECRETS};
use test_support::in_memory::rotation_run::RotationRun;

use super::{NAME, change, publishing};
use crate::authority_controller::ROOT;

#[tokio::test(start_paused = true)]
async fn a_change_that_waited_publishes_what_is_in_force_when_it_is_applied() {
    let (mesh, change) = change().await;
    mesh.ask("1");
    mesh.harness.reconcile_authority().await.unwrap();
    assert_eq!(mesh.phase(), "Announced");
    apply(&mesh.harness.consumers.bundles, &change).await;
    let text = mesh.harness.server.get(CONFIG_MAPS, NAMESPACE, NAME).unwrap()["data"]["ca.crt"].clone();
    assert_eq!(text.as_str().unwrap().matches("BEGIN CERTIFICATE").count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_change_that_is_no_longer_asked_for_is_not_applied() {
    let (mut mesh, change) = change().await;
    mesh.harness.server.edit(AUTHORITIES, "", "mesh", |found| found["spec"]["trustBundle"] = json!({}));
    mesh.harness.reconcile_authority().await.unwrap();
    mesh.harness.asked();
    apply(&mesh.harness.consumers.bundles, &change).await;
    assert_eq!(mesh.harness.asked(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_replica_with_an_old_view_of_the_root_publishes_no_bundle() {
    let (mut mesh, change) = change().await;
    mesh.harness.server.edit(SECRETS, "mtls-system", ROOT, |root| {
        root["metadata"]["annotations"]["example.com/touched"] = json!("yes");
    });
    tokio::time::advance(Duration::from_secs(4)).await;
    apply(&mesh.harness.consumers.bundles, &change).await;
    assert_eq!(mesh.harness.asked(), [format!("GET metadata mtls-system/{ROOT}")]);
    let target = change.target.clone();
    assert!(matches!(
        mesh.harness.consumers.bundles.store.lock().failure(&target),
        Some(PublishFailure::Failed(_))
    ));
    mesh.harness.reconcile_authority().await.unwrap();
    mesh.harness.advance(SignedDuration::from_secs(1));
    assert!(mesh.harness.published().await.contains(&format!("POST configmaps {NAMESPACE}/{NAME}")));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_remembered_of_targets_where_no_bundle_is_wanted() {
    let mesh = RotationRun::of(&["a"], publishing()).await;
    let theirs = json!({ "data": { "ca.crt": "theirs" } });
    let mut made = mesh.harness.server.get(CONFIG_MAPS, NAMESPACE, NAME).unwrap();
    made["data"] = theirs["data"].clone();
    for number in 0..20 {
        made["metadata"]["name"] = json!(format!("stray-{number}"));
        made["metadata"]["uid"] = Value::Null;
        mesh.harness.server.put(CONFIG_MAPS, &made);
    }
    mesh.harness.watch();
    mesh.harness.publish().await;
    assert_eq!(mesh.harness.consumers.bundles.store.lock().noted(), 0);
}
