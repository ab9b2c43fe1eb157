//! A replica that begins to lead states of trust bundles only what it knows already.

use mtls_operator::api::authority::WaitingFor;
use mtls_operator::api::conditions::{PUBLISHED, find};
use mtls_operator::operator::trust_bundle::shared::SharedBundleStore;
use serde_json::{Value, json};
use test_support::in_memory::harness::{CONFIG_MAPS, Harness, NAMESPACE};
use test_support::in_memory::rotation_run::RotationRun;

use super::NAME;
use crate::authority_controller::{authority, controller, run_a_minute};

/// An authority that publishes into every namespace, and whose rotations take their time.
fn publishing() -> Value {
    json!({
        "trustBundle": { "namespaces": { "from": "All" } },
        "rotation": { "propagation": "10m", "spreadOver": "0s" },
    })
}

/// The controller of authorities works for a minute, and no other.
async fn lead(harness: &Harness) {
    harness.context.authorities.lock().apply(authority(harness));
    run_a_minute(controller(harness)).await;
}

/// Another replica over the same API server, which has listed everything.
fn successor(harness: &Harness) -> Harness {
    let next = Harness::bare(harness.server.clone(), harness.manual_clock.now());
    next.watch();
    next
}

/// The same, without trust bundles.
fn successor_without_bundles(harness: &Harness) -> Harness {
    let mut next = successor(harness);
    next.consumers.bundles.store = SharedBundleStore::default();
    next
}

fn waiting_for(harness: &Harness) -> Vec<WaitingFor> {
    authority(harness).status.unwrap().rotation.unwrap().waiting_for
}

/// Reason and generation of `Published`.
fn published(harness: &Harness) -> (String, Option<i64>) {
    let conditions = authority(harness).status.unwrap().conditions;
    let found = find(&conditions, PUBLISHED).unwrap();
    (found.reason.clone(), found.observed_generation)
}

#[tokio::test(start_paused = true)]
async fn bundles_that_are_not_listed_yet_are_neither_waited_for_in_status_nor_called_missing() {
    let mut mesh = RotationRun::of(&["a"], publishing()).await;
    mesh.ask("1");
    mesh.until("Announced", 30, 1).await;
    mesh.tick(1).await;
    lead(&mesh.harness).await;
    assert_eq!((waiting_for(&mesh.harness), published(&mesh.harness).0), (vec![], "Published".into()));
    let next = successor_without_bundles(&mesh.harness);
    lead(&next).await;
    assert_eq!((waiting_for(&next), published(&next).0), (vec![], "Published".into()));
    next.watch();
    next.server.delete(CONFIG_MAPS, NAMESPACE, NAME);
    next.watch();
    lead(&next).await;
    assert_eq!(waiting_for(&next)[0].kind, "TrustBundle", "what is listed counts");
    assert_eq!(published(&next).0, "Publishing");
}

#[tokio::test(start_paused = true)]
async fn a_conflict_stands_until_a_replica_that_begins_to_lead_has_found_out_whether_it_is_over() {
    let mesh = RotationRun::of(&["a"], publishing()).await;
    let harness = mesh.harness;
    let foreign = json!({ "metadata": { "name": NAME, "namespace": NAMESPACE }, "data": {} });
    harness.server.delete(CONFIG_MAPS, NAMESPACE, NAME);
    harness.server.put(CONFIG_MAPS, &foreign);
    harness.watch();
    harness.publish().await;
    lead(&harness).await;
    let conflict = published(&harness);
    assert_eq!(conflict.0, "Conflict");
    let next = successor(&harness);
    lead(&next).await;
    assert_eq!(published(&next), conflict);
    next.server.delete(CONFIG_MAPS, NAMESPACE, NAME);
    next.watch();
    next.publish().await;
    lead(&next).await;
    assert_eq!(published(&next).0, "Published");
}
