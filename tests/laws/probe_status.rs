//! Laws of verdicts in status: a write preserves the other conditions and the time of the last transition, and a status that
//! states a verdict is recognised.

use jiff::{SignedDuration, Timestamp};
use mtls_operator::api::MtlsIdentity;
use mtls_operator::operator::probe::probed_object::ProbedObject;
use mtls_operator::operator::probe::status::{StoredStatus, to_state};
use mtls_operator::plan::probe::verdict::{Differing, ServingReason, ServingVerdict};
use serde_json::{Value, json};

use super::fixture::NOW;
use super::probe_verdict::leaf;

const LATER: Timestamp = Timestamp::constant(1_790_000_000, 0);

fn verdict(reason: ServingReason, message: &str) -> ServingVerdict {
    ServingVerdict { endpoints: 3, as_issued: 3, ..ServingVerdict::unobserved(reason, message.into()) }
}

fn differing() -> ServingVerdict {
    let one = Differing {
        probe: "tls".into(),
        address: "10.0.0.1:8443".into(),
        reasons: vec![ServingReason::ServesOldLeaf],
        leaf: Some(leaf("0d")),
    };
    ServingVerdict { as_issued: 2, differing: vec![one], ..verdict(ServingReason::ServesOldLeaf, "old") }
}

fn identity(status: &Value) -> MtlsIdentity {
    serde_json::from_value(json!({
        "apiVersion": "mtls-operator.dev/v1alpha1", "kind": "MtlsIdentity",
        "metadata": { "name": "web", "namespace": "shop", "resourceVersion": "7", "generation": 2 },
        "spec": {}, "status": status,
    }))
    .unwrap()
}

/// The object after this verdict was written into its status.
fn written(identity: &MtlsIdentity, verdict: &ServingVerdict, now: Timestamp) -> MtlsIdentity {
    let patch = StoredStatus::of(identity).unwrap().patch(verdict, Some(2), now);
    assert_eq!(patch["metadata"], json!({ "resourceVersion": "7" }));
    let mut object = serde_json::to_value(identity).unwrap();
    merge(&mut object["status"], &patch["status"]);
    serde_json::from_value(object).unwrap()
}

/// A JSON merge patch (RFC 7396).
fn merge(into: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *into = patch.clone();
        return;
    };
    if !into.is_object() {
        *into = json!({});
    }
    for (key, change) in changes {
        if change.is_null() {
            into.as_object_mut().unwrap().remove(key);
        } else {
            merge(&mut into[key], change);
        }
    }
}

fn ready() -> Value {
    json!({ "type": "Ready", "status": "True", "reason": "Issued", "message": "m",
        "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 2 })
}

#[test]
fn a_write_preserves_what_is_not_of_servers_and_is_recognised() {
    let mut object = identity(&json!({ "conditions": [ready()], "serial": "5e", "revision": 4 }));
    let verdicts = [
        verdict(ServingReason::ServesAsIssued, "well"),
        differing(),
        verdict(ServingReason::ServesAsIssued, "well again"),
        ServingVerdict::unobserved(ServingReason::Disabled, "off".into()),
    ];
    for verdict in verdicts {
        assert_ne!(ProbedObject::new(&object).stated, to_state(&verdict, Some(2)));
        object = written(&object, &verdict, NOW);
        assert_eq!(ProbedObject::new(&object).stated, to_state(&verdict, Some(2)), "{verdict:?}");
        assert_ne!(ProbedObject::new(&object).stated, to_state(&verdict, Some(3)), "of another spec");
        let status = serde_json::to_value(object.status.as_ref().unwrap()).unwrap();
        assert_eq!(
            (&status["conditions"][0], &status["serial"], &status["revision"]),
            (&ready(), &json!("5e"), &json!(4))
        );
        assert_eq!(status["conditions"].as_array().unwrap().len(), 2);
        let listed = status["served"]["differing"].as_array().map_or(0, Vec::len);
        assert_eq!(listed, verdict.differing.len());
        assert_eq!(status["served"].is_null(), verdict.reason == ServingReason::Disabled);
    }
}

#[test]
fn the_transition_time_stays_where_the_status_does() {
    let since = |object: &MtlsIdentity| {
        let conditions = &object.status.as_ref().unwrap().conditions;
        conditions.iter().find(|condition| condition.type_ == "Serving").unwrap().last_transition_time.0
    };
    let well = written(&identity(&json!({})), &verdict(ServingReason::ServesAsIssued, "well"), NOW);
    assert_eq!(since(&well), NOW);
    let still = written(&well, &verdict(ServingReason::ServesAsIssued, "3 of 3"), LATER);
    assert_eq!(since(&still), NOW);
    assert_eq!(since(&written(&still, &differing(), LATER)), LATER);
    assert!(LATER.duration_since(NOW) > SignedDuration::ZERO);
}

#[test]
fn conditions_of_any_length_are_preserved_but_long_ones_are_not_kept() {
    let mut long = ready();
    long["message"] = json!("a".repeat(10_000));
    let object = identity(&json!({ "conditions": [long] }));
    assert!(ProbedObject::new(&object).status.is_none());
    assert!(StoredStatus::of(&object).is_none());
    let patch = StoredStatus::new(&object).unwrap().patch(&differing(), Some(2), NOW);
    assert_eq!(patch["status"]["conditions"][0], long);
}
