//! The controller of authorities, run by a test for a minute at a time, and what it leaves: status, conditions, metrics.

use std::pin::Pin;
use std::time::Duration;

use mtls_operator::api::MtlsAuthority;
use mtls_operator::api::conditions::{ROTATING, find};
use mtls_operator::operator::authority::controller::AuthorityController;
use mtls_operator::operator::issuers::Unready;
use mtls_operator::runtime::leader::Leadership;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use test_support::in_memory::harness::{AUTHORITIES, Harness, SECRETS};

pub const ROOT: &str = "mtls-authority-mesh";

/// Long enough for the controller to reconcile and to count.
const A_MINUTE: Duration = Duration::from_mins(1);

/// An authority with one identity.
pub async fn served() -> Harness {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({}));
    harness.settle().await;
    harness
}

pub fn controller(harness: &Harness) -> Pin<Box<dyn Future<Output = ()>>> {
    let controller = AuthorityController::new(
        harness.consumers.clone(),
        Leadership::always(harness.context.clock.clone()),
    );
    Box::pin(controller.run())
}

/// The controller works for a minute.
pub async fn run_a_minute(controller: impl Future<Output = ()>) {
    assert!(tokio::time::timeout(A_MINUTE, controller).await.is_err(), "a controller never ends");
}

pub fn lose_root(harness: &Harness) -> Value {
    let root = harness.server.get(SECRETS, "mtls-system", ROOT).unwrap();
    harness.server.delete(SECRETS, "mtls-system", ROOT);
    harness.context.authorities.lock().apply_secret(ROOT);
    root
}

/// The lines of a scrape.
pub fn scrape(harness: &Harness) -> Vec<String> {
    let mut registry = Registry::default();
    harness.context.metrics.register(&mut registry);
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    text.lines().map(str::to_owned).collect()
}

pub fn root(harness: &Harness) -> Value {
    harness.server.get(SECRETS, "mtls-system", ROOT).unwrap()
}

/// Why an authority does not sign; empty if it does.
pub fn down(harness: &Harness) -> String {
    match &harness.context.issuers.get("mesh").unwrap().signer {
        Ok(_) => String::new(),
        Err(Unready::Down(why)) => why.0.clone(),
        Err(Unready::Pending) => "pending".into(),
    }
}

pub async fn looked_at(harness: &Harness) -> String {
    harness.watch();
    harness.reconcile_authority().await.unwrap();
    down(harness)
}

pub fn authority(harness: &Harness) -> MtlsAuthority {
    serde_json::from_value(harness.server.get(AUTHORITIES, "", "mesh").unwrap()).unwrap()
}

/// Status, reason and message of `Rotating`.
pub fn rotating(harness: &Harness) -> (String, String, String) {
    let conditions = authority(harness).status.unwrap().conditions;
    let found = find(&conditions, ROTATING).unwrap().clone();
    (found.status, found.reason, found.message)
}
