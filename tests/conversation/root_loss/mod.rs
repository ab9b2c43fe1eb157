//! A root Secret that is lost: the evidence of it, and how the operator goes on once the loss is accepted.

mod acceptance;
mod detection;
mod evidence_key;
mod lifetime;
mod rotation_after;
mod secret_evidence;
mod status_evidence;

use mtls_operator::api::{MtlsAuthority, MtlsAuthoritySpec};
use serde_json::{Value, json};
use test_support::in_memory::api_server::ApiServer;
use test_support::in_memory::harness::{AUTHORITIES, Harness, IDENTITIES, NAMESPACE, NOW, SECRETS};

use crate::authority_controller::{looked_at, root, served};

/// Key identifier of a signer that never existed.
pub const FORGED: &str = "dededededededededededededededededededede";

/// More Secrets than may be read one by one.
pub const MANY: usize = 100;

pub fn status(harness: &Harness, name: &str) -> Value {
    harness.server.get(IDENTITIES, NAMESPACE, name).unwrap()["status"].clone()
}

/// A user of a namespace, or a program that restores, writes this into a status.
pub fn forge(harness: &Harness, name: &str, changes: &Value) {
    harness.server.edit(IDENTITIES, NAMESPACE, name, |identity| {
        for (key, value) in changes.as_object().unwrap() {
            identity["status"][key] = value.clone();
        }
    });
}

/// What the status of the authority says.
pub fn recorded(harness: &Harness) -> Value {
    harness.server.get(AUTHORITIES, "", "mesh").unwrap()["status"].clone()
}

/// An authority that never had a root, and a tenant's identity of it with a status that says it had one.
pub fn claimed() -> Harness {
    let harness = Harness::bare(ApiServer::default(), NOW);
    harness.server.put(AUTHORITIES, &MtlsAuthority::new("mesh", MtlsAuthoritySpec::default()));
    harness.apply("web", &json!({}));
    let claim = json!({
        "observedGeneration": 1, "authorityKeyID": FORGED, "notAfter": "2099-01-01T00:00:00Z",
        "conditions": [{ "type": "Ready", "status": "True", "reason": "Issued", "message": "",
            "lastTransitionTime": "2026-05-29T00:00:00Z", "observedGeneration": 1 }],
    });
    forge(&harness, "web", &claim);
    harness
}

/// A tenant's Secret with the labels of a leaf Secret, of an authority that never had a root.
pub fn squatted(authority: &str, uid: Option<&str>) -> Harness {
    let harness = Harness::bare(ApiServer::default(), NOW);
    harness.server.put(AUTHORITIES, &MtlsAuthority::new("mesh", MtlsAuthoritySpec::default()));
    harness.apply("x", &json!({ "authorityRef": { "name": authority } }));
    let uid = uid.map_or_else(|| harness.identity("x").metadata.uid.unwrap(), str::to_owned);
    let labels = json!({
        "app.kubernetes.io/managed-by": "mtls-operator", "mtls-operator.dev/authority": "mesh",
        "mtls-operator.dev/identity": "x",
    });
    let notes = json!({ "mtls-operator.dev/identity-uid": uid, "mtls-operator.dev/not-after": "2036-01-01T00:00:00Z" });
    harness.server.put(
        SECRETS,
        &json!({
            "metadata": { "namespace": NAMESPACE, "name": "trap", "labels": labels, "annotations": notes },
            "type": "Opaque", "data": {},
        }),
    );
    harness
}

pub fn accept(harness: &Harness, what: &str) {
    harness.server.edit(AUTHORITIES, "", "mesh", |authority| {
        authority["metadata"]["annotations"]["mtls-operator.dev/accept-root-loss"] = json!(what);
    });
}

/// The same root Secret with another root, so that the statuses name one that it does not know.
pub async fn replaced() -> (Harness, String) {
    let harness = served().await;
    let service = harness.context.issuers.get("mesh").unwrap();
    let lost = service.signer.as_ref().unwrap().authority.fingerprint().to_string();
    let mut other = root(&Harness::set().await);
    other["data"]["evidence.key"] = root(&harness)["data"]["evidence.key"].clone();
    harness.server.put(SECRETS, &other);
    (harness, lost)
}

/// How many objects are read, besides those of the operator's namespace, when the authority is reconciled.
pub async fn reads(harness: &mut Harness) -> usize {
    harness.asked();
    looked_at(harness).await;
    let asked = harness.asked();
    let is_read = |line: &&String| line.starts_with("GET") && line.contains("orders/");
    asked.iter().filter(is_read).count()
}
