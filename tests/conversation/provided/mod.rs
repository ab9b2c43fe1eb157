//! CAs that people provide in a Secret, and authorities that sign with them.

mod changes;
mod consent;
mod end;
mod rotation;

use jiff::SignedDuration;
use mtls_operator::api::conditions::{READY, find};
use serde_json::{Value, json};
use test_support::ca::{Ca, offset};
use test_support::in_memory::api_server::ApiServer;
use test_support::in_memory::harness::{Harness, NOW, SECRETS};
use test_support::in_memory::rotation_run::RotationRun;

use crate::authority_controller::authority;

pub const OWN: &str = "own-ca";

/// The Secret in which people provide a CA, with these anchors.
pub fn input(ca: &Ca, anchors: &str) -> Value {
    ca.secret(OWN, "mesh", anchors)
}

/// People put a CA, below that anchor, into the Secret that the authority names, and let it sign.
pub fn provide(ca: &Ca, anchor: &Ca, server: &ApiServer) {
    server.put(SECRETS, &input(ca, &anchor.pem()));
}

/// A root that is valid for so long.
pub fn root_for(name: &str, ttl: SignedDuration) -> Ca {
    Ca::root_with(name, NOW, |params| params.not_after = offset(NOW + ttl))
}

/// The authority whose rotation takes a minute and a half, with the CA that people provide.
pub fn swift_and_provided() -> Value {
    let mut spec = RotationRun::swift();
    spec["root"]["provided"] = json!({ "secretName": OWN });
    spec
}

/// The same, where the CA may certify its successor.
pub fn certifying() -> Value {
    let mut spec = swift_and_provided();
    spec["root"]["provided"]["crossCertificates"] = json!("Allowed");
    spec
}

/// A mesh that signs with this CA.
pub async fn mesh_of(ca: &Ca, anchor: &Ca, spec: Value) -> RotationRun {
    let server = ApiServer::default();
    provide(ca, anchor, &server);
    RotationRun::over(server, &["a", "b"], spec).await
}

/// Status, reason and message of the authority's `Ready`.
pub fn ready(harness: &Harness) -> (String, String, String) {
    let conditions = authority(harness).status.unwrap().conditions;
    let found = find(&conditions, READY).unwrap().clone();
    (found.status, found.reason, found.message)
}

/// Asserts status and reason of the authority's `Ready`, and part of its message.
pub fn assert_stands(harness: &Harness, status: &str, reason: &str, says: &str) {
    let found = ready(harness);
    assert_eq!((&*found.0, &*found.1), (status, reason), "{}", found.2);
    assert!(found.2.contains(says), "{}", found.2);
}

/// People put this into the Secret with their CA, which its watch shows.
pub fn put(harness: &Harness, input: &Value) {
    harness.server.put(SECRETS, input);
    harness.context.authorities.lock().apply_secret(OWN);
}

/// An operator with an authority that signs with this.
pub async fn harness_over(input: &Value) -> Harness {
    let server = ApiServer::default();
    server.put(SECRETS, input);
    Harness::bare(server, NOW).with_authority(serde_json::from_value(swift_and_provided()).unwrap()).await
}
