//! A Secret that is overwritten again and again is repaired after ever longer pauses and its writer named; a few changes
//! are repaired at once.

use jiff::SignedDuration;
use serde_json::{Value, json};
use test_support::in_memory::harness::{A_WHILE, Harness, SECRETS, issued};

use super::{count, pass, revision};

pub const OVERWRITTEN: &str = "SecretOverwritten";

/// A harness on which `web` and `other` are issued.
async fn harness() -> Harness {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({}));
    harness.apply("other", &json!({}));
    harness.settle().await;
    harness
}

/// Another controller writes its own pair.
fn overwrite(secret: &mut Value) {
    secret["data"]["tls.crt"] = json!("b3RoZXI=");
    claim(secret);
}

/// Another controller takes the label of the authority away.
fn strip(secret: &mut Value) {
    secret["metadata"]["labels"].as_object_mut().unwrap().remove("mtls-operator.dev/authority");
    claim(secret);
}

/// The managed fields that the API server records of a write.
fn claim(secret: &mut Value) {
    secret["metadata"]["managedFields"] = json!([
        {"manager": "mtls-operator", "operation": "Update", "apiVersion": "v1", "time": "2026-05-28T20:26:40Z",
         "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {"f:ca.crt": {}}}},
        {"manager": "cert-manager-certificates", "operation": "Update", "apiVersion": "v1",
         "time": "2026-05-28T20:26:40Z", "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {"f:tls.crt": {}}}},
    ]);
}

/// The number of Events that say so.
fn told(harness: &Harness) -> usize {
    harness.sent.iter().filter(|body| body.contains(OVERWRITTEN)).count()
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_is_overwritten_again_and_again_is_repaired_with_growing_pauses_and_its_writer_is_named()
 {
    let mut harness = harness().await;
    harness.server.override_writes(overwrite);
    harness.server.edit(SECRETS, "orders", "web-mtls", overwrite);
    let calls = pass(&mut harness, 600).await;
    let issuances = revision(&harness, "web") - 1;
    assert!((5..=11).contains(&issuances), "{issuances} issuances in ten minutes");
    let writes = count(&calls, "PATCH status orders/web");
    assert!(writes <= 25, "{writes} writes of the status in ten minutes");
    assert_eq!(
        harness.ready("web"),
        ("False".into(), "Issuing".into()),
        "the stored pair is not as requested"
    );
    let message = harness.message("web");
    assert!(
        message.contains("cert-manager-certificates") && message.contains("orders/web-mtls"),
        "{message}"
    );
    assert_eq!(told(&harness), 1, "one Event");
    let told = harness.sent.iter().find(|body| body.contains(OVERWRITTEN)).unwrap();
    assert!(told.contains("cert-manager-certificates") && told.contains("Warning"), "{told}");
    assert_eq!(
        (harness.ready("other"), revision(&harness, "other")),
        (issued(), 1),
        "the other identity is not affected"
    );
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_put_right_for_good_within_the_pause_after_its_other_writer_has_stopped() {
    let mut harness = harness().await;
    harness.server.override_writes(overwrite);
    harness.server.edit(SECRETS, "orders", "web-mtls", overwrite);
    pass(&mut harness, 600).await;
    harness.server.stop_overriding();
    harness.advance(A_WHILE);
    harness.settle().await;
    assert_eq!(harness.ready("web"), issued());
    assert!(!harness.message("web").contains("cert-manager"), "{}", harness.message("web"));
    harness.advance(A_WHILE);
    harness.server.delete(SECRETS, "orders", "web-mtls");
    harness.settle().await;
    assert!(harness.secret("web-mtls").is_some(), "overwriting that has ended long ago delays nothing");
}

#[tokio::test(start_paused = true)]
async fn labels_that_are_stripped_again_and_again_are_repaired_with_growing_pauses_and_the_leaf_stays_ready()
{
    let mut harness = harness().await;
    harness.server.override_writes(strip);
    harness.server.edit(SECRETS, "orders", "web-mtls", strip);
    let calls = pass(&mut harness, 600).await;
    let writes = count(&calls, "PATCH secrets orders/web-mtls");
    assert!((5..=11).contains(&writes), "{writes} writes in ten minutes");
    assert_eq!((harness.ready("web"), revision(&harness, "web")), (issued(), 1));
    assert!(harness.message("web").contains("cert-manager-certificates"), "{}", harness.message("web"));
    assert_eq!(told(&harness), 1, "one Event");
    harness.server.stop_overriding();
    harness.advance(A_WHILE);
    harness.settle().await;
    let secret = harness.secret("web-mtls").unwrap();
    assert_eq!(secret["metadata"]["labels"]["mtls-operator.dev/authority"], "mesh");
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_is_deleted_again_and_again_is_created_with_growing_pauses() {
    let mut harness = harness().await;
    let mut calls = Vec::new();
    for _ in 0..600 {
        if harness.secret("web-mtls").is_some() {
            harness.server.delete(SECRETS, "orders", "web-mtls");
        }
        calls.extend(pass(&mut harness, 1).await);
    }
    let made = count(&calls, "POST secrets orders/web-mtls");
    assert!((5..=11).contains(&made), "{made} Secrets in ten minutes");
    assert!(harness.message("web").contains("audit log"), "{}", harness.message("web"));
    assert_eq!(told(&harness), 1, "one Event");
}

#[tokio::test(start_paused = true)]
async fn a_few_repairs_of_one_secret_are_made_at_once() {
    let mut harness = harness().await;
    for nth in 1..=3 {
        harness.server.edit(SECRETS, "orders", "web-mtls", overwrite);
        harness.settle().await;
        assert_eq!((harness.ready("web"), revision(&harness, "web")), (issued(), nth + 1));
    }
    assert_eq!(told(&harness), 0);
}

#[tokio::test(start_paused = true)]
async fn an_old_pair_that_is_restored_again_and_again_is_replaced_with_growing_pauses_once_it_has_expired() {
    let mut harness = harness().await;
    let old = harness.secret("web-mtls").unwrap();
    let restore = move |secret: &mut Value| {
        secret["data"] = old["data"].clone();
        secret["metadata"]["annotations"] = old["metadata"]["annotations"].clone();
    };
    harness.advance(SignedDuration::from_hours(25));
    harness.reconcile_authority().await.unwrap();
    harness.server.override_writes(restore);
    let calls = pass(&mut harness, 600).await;
    let issuances = count(&calls, "PATCH secrets orders/web-mtls");
    assert!((5..=11).contains(&issuances), "{issuances} issuances in ten minutes");
    assert_eq!(harness.ready("web"), ("False".into(), "Expired".into()));
}

#[tokio::test(start_paused = true)]
async fn a_leaf_that_ends_during_the_pause_of_its_repair_is_not_called_ready_for_a_second_longer() {
    let mut harness = harness().await;
    let end = harness.identity("web").status.unwrap().not_after.unwrap().0;
    let old = harness.secret("web-mtls").unwrap();
    // The pair stays as it was issued first, and what says whose it is does not.
    harness.server.override_writes(move |secret| {
        secret["data"] = old["data"].clone();
        secret["metadata"]["annotations"] = old["metadata"]["annotations"].clone();
        strip(secret);
    });
    harness.manual_clock.set(end - SignedDuration::from_mins(13));
    harness.reconcile_authority().await.unwrap();
    let mut ready = Vec::new();
    for _ in 0..14 * 60 {
        pass(&mut harness, 1).await;
        let now = harness.context.clock.now();
        ready.push((now <= end, harness.ready("web").0 == "True"));
    }
    assert!(ready.iter().all(|(is_valid, is_ready)| is_valid == is_ready), "{:?}", harness.message("web"));
}

#[tokio::test(start_paused = true)]
async fn a_person_who_asks_for_a_renewal_ends_the_pause() {
    let mut harness = harness().await;
    harness.server.override_writes(overwrite);
    harness.server.edit(SECRETS, "orders", "web-mtls", overwrite);
    pass(&mut harness, 600).await;
    harness.server.stop_overriding();
    harness.server.edit("mtlsidentities", "orders", "web", |identity| {
        identity["metadata"]["annotations"] = json!({"mtls-operator.dev/renew": "now"});
    });
    harness.settle().await;
    assert_eq!(harness.ready("web"), issued());
}
