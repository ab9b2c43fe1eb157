//! Refused identities: one status and one Event are written, and nothing else.

mod needs_a_person;
mod not_permitted;
mod paused;
mod secret_conflict;

use jiff::SignedDuration;
use mtls_operator::api::conditions::{STALLED, find};
use serde_json::{Value, json};
use test_support::in_memory::harness::Harness;

/// How a refusal is reported.
pub const STATUS_WRITES: [&str; 2] = ["PATCH status orders/web", "POST events orders/"];

pub fn refused(reason: &str) -> (String, String) {
    ("False".into(), reason.into())
}

pub fn foreign() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": {"password": "aHVudGVyMg=="},
        "metadata": {"name": "web-mtls", "namespace": "orders"},
    })
}

/// The authority grants `example.com` to all namespaces.
pub async fn grant_example_com(harness: &mut Harness) {
    harness.server.edit("mtlsauthorities", "", "mesh", |authority| {
        authority["spec"]["grants"] =
            json!([{ "name": "edge", "namespaces": { "from": "All" }, "dnsNames": ["example.com"]}]);
    });
    harness.reconcile_authority().await.unwrap();
    harness.settle().await;
}

/// Whether the identity `web` needs manual action, by its conditions.
pub fn is_stalled(harness: &Harness) -> bool {
    let status = harness.identity("web").status.unwrap();
    find(&status.conditions, STALLED).is_some()
}

/// No manual action is asked for before a minute has passed in which nothing has changed; then one status and one Event say so.
pub async fn assert_stalls_after_a_minute(harness: &mut Harness) {
    harness.advance(SignedDuration::from_secs(50));
    harness.settle().await;
    assert!(!is_stalled(harness), "the change that cures it may be on its way");
    harness.advance(SignedDuration::from_secs(11));
    let calls = harness.settle().await;
    let writes: Vec<&String> = calls.iter().filter(|call| !call.starts_with("GET")).collect();
    assert_eq!(writes, STATUS_WRITES);
    assert!(is_stalled(harness));
}
