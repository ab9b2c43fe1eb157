//! Live probes of endpoints: what the condition `Serving` states, and their part in a rotation.

mod condition;
mod many_pods;
pub mod pods;
mod rotation;

use jiff::SignedDuration;
use mtls_operator::api::MtlsIdentityStatus;
use serde_json::{Value, json};
use test_support::in_memory::harness::Harness;

use pods::Pods;

pub const PODS: [&str; 3] = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
pub const STATUS: &str = "PATCH status orders/web";
pub const SIX_MINUTES: SignedDuration = SignedDuration::from_mins(6);

pub fn verified() -> Value {
    json!({ "probes": [{ "name": "tls", "serviceName": "web", "targetPort": 8443 }] })
}

/// An identity of three Pods that serve as issued and were probed.
pub async fn set() -> (Harness, Pods) {
    let mut harness = Harness::set().await;
    harness.apply("web", &verified());
    harness.settle().await;
    let mut pods = Pods::of(&harness);
    Pods::publish(&harness, "web", &PODS);
    for address in PODS {
        pods.load(&harness, address, "web");
    }
    pods.probe(&harness).await;
    (harness, pods)
}

/// Some time later, after which every endpoint is due and status may be written.
pub async fn later(harness: &mut Harness, pods: &mut Pods, by: SignedDuration) -> Vec<String> {
    harness.asked();
    tokio::time::advance(by.unsigned_abs()).await;
    pods.probe(harness).await;
    harness.asked()
}

fn status(harness: &Harness) -> MtlsIdentityStatus {
    harness.identity("web").status.unwrap()
}

/// Status and reason of `Serving`, and its message.
pub fn serving(harness: &Harness) -> ((String, String), String) {
    let conditions = status(harness).conditions;
    let found = conditions.into_iter().find(|condition| condition.type_ == "Serving").unwrap();
    ((found.status, found.reason), found.message)
}

pub fn is(status: &str, reason: &str) -> (String, String) {
    (status.into(), reason.into())
}
