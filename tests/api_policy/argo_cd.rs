//! `deploy/argocd/health.yaml`: Argo CD's own Lua interpreter computes the right health from every state of both kinds.
//! The health agrees with what the kstatus library, and so Flux and Helm, computes from the same status.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use mtls_operator::plan::authority::reason::AuthorityReason;
use mtls_operator::plan::identity::ready::ReadyReason;
use serde_json::{Value, json};

use test_support::tools::judges::ask;

/// What an object reports, and the health that follows.
struct Sample {
    kind: &'static str,
    ready: bool,
    is_stalled: bool,
    reason: &'static str,
    health: &'static str,
}

const fn sample(
    kind: &'static str,
    states: (bool, bool),
    reason: &'static str,
    health: &'static str,
) -> Sample {
    Sample { kind, ready: states.0, is_stalled: states.1, reason, health }
}

const READY: (bool, bool) = (true, false);
const WAITING: (bool, bool) = (false, false);
const STALLED: (bool, bool) = (false, true);
/// It works, and a person must act all the same.
const READY_AND_STALLED: (bool, bool) = (true, true);

const IDENTITY: &str = "MtlsIdentity";
const AUTHORITY: &str = "MtlsAuthority";

/// Every state of both kinds, as `docs/reference.md` lists them.
const SAMPLES: [Sample; 29] = [
    sample(IDENTITY, READY, "Issued", "Healthy"),
    sample(IDENTITY, WAITING, "Issuing", "Progressing"),
    sample(IDENTITY, READY, "Paused", "Suspended"),
    sample(IDENTITY, STALLED, "Paused", "Degraded"),
    sample(IDENTITY, WAITING, "AuthorityNotReady", "Progressing"),
    sample(IDENTITY, WAITING, "NotPermitted", "Progressing"),
    sample(IDENTITY, STALLED, "NotPermitted", "Degraded"),
    sample(IDENTITY, WAITING, "Invalid", "Progressing"),
    sample(IDENTITY, STALLED, "Invalid", "Degraded"),
    sample(IDENTITY, WAITING, "SecretConflict", "Progressing"),
    sample(IDENTITY, STALLED, "SecretConflict", "Degraded"),
    sample(IDENTITY, WAITING, "Expired", "Degraded"),
    sample(IDENTITY, STALLED, "Expired", "Degraded"),
    sample(AUTHORITY, READY, "Ready", "Healthy"),
    sample(AUTHORITY, WAITING, "Ready", "Progressing"),
    sample(AUTHORITY, STALLED, "RootLost", "Degraded"),
    sample(AUTHORITY, WAITING, "RootLost", "Progressing"),
    sample(AUTHORITY, STALLED, "RootInvalid", "Degraded"),
    sample(AUTHORITY, READY_AND_STALLED, "RootInvalid", "Degraded"),
    sample(AUTHORITY, WAITING, "RootExpired", "Degraded"),
    sample(AUTHORITY, STALLED, "RootExpired", "Degraded"),
    sample(AUTHORITY, READY_AND_STALLED, "ProvidedInvalid", "Degraded"),
    sample(AUTHORITY, READY_AND_STALLED, "ProvidedMissing", "Degraded"),
    sample(AUTHORITY, STALLED, "TrustDomainMismatch", "Degraded"),
    sample(AUTHORITY, WAITING, "Distrusted", "Progressing"),
    sample(AUTHORITY, READY_AND_STALLED, "Distrusted", "Degraded"),
    sample(AUTHORITY, STALLED, "ClockSkewed", "Degraded"),
    sample(AUTHORITY, READY_AND_STALLED, "Invalid", "Degraded"),
    sample(AUTHORITY, STALLED, "Invalid", "Degraded"),
];

impl Sample {
    /// An object that reports this, and the sentence of its reason.
    fn object(&self) -> Value {
        let condition = |type_: &str, status: bool| {
            let status = if status { "True" } else { "False" };
            json!({ "type": type_, "status": status, "reason": self.reason, "message": self.sentence() })
        };
        let mut conditions = vec![condition("Ready", self.ready)];
        conditions.extend(self.is_stalled.then(|| condition("Stalled", true)));
        object(self.kind, &json!({ "observedGeneration": 3, "conditions": conditions }))
    }

    fn sentence(&self) -> String {
        format!("why it is {}", self.reason)
    }
}

fn object(kind: &str, status: &Value) -> Value {
    json!({
        "apiVersion": "mtls-operator.dev/v1alpha1", "kind": kind,
        "metadata": { "name": "cart", "namespace": "webshop", "generation": 3 }, "spec": {}, "status": status,
    })
}

/// What a judge says of these objects; nothing where there is no Go.
fn judged(judge: &str, documents: &[Value]) -> Option<Vec<(String, String)>> {
    let documents: Vec<String> = documents.iter().map(ToString::to_string).collect();
    let answers = ask(judge, &[], &documents.join("\n"))?;
    let parts = |line: &str| line.split_once('\t').map(|(word, message)| (word.into(), message.into()));
    Some(answers.lines().map(|line| parts(line).unwrap()).collect())
}

/// What Argo CD says of these objects by the scripts that are shipped.
fn healths(objects: &[Value]) -> Option<Vec<(String, String)>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/argocd/health.yaml");
    let config: Value = serde_norway::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    judged("argocd", &[&[config], objects].concat())
}

#[test]
fn argo_cd_computes_the_health_of_every_state_and_agrees_with_kstatus() {
    let objects: Vec<Value> = SAMPLES.iter().map(Sample::object).collect();
    let Some(healths) = healths(&objects) else { return };
    let by_kstatus = judged("kstatus", &objects).unwrap();
    assert_eq!((healths.len(), by_kstatus.len()), (SAMPLES.len(), SAMPLES.len()));
    for ((sample, health), (status, _)) in SAMPLES.iter().zip(healths).zip(by_kstatus) {
        let object = sample.object();
        assert_eq!(health, (sample.health.into(), sample.sentence()), "{object}");
        let agreeing: &[&str] = match status.as_str() {
            "Current" => &["Healthy", "Suspended"],
            "InProgress" => &["Progressing", "Degraded"],
            "Failed" => &["Degraded"],
            other => panic!("{other}: {object}"),
        };
        assert!(agreeing.contains(&sample.health), "{status}, {}: {object}", sample.health);
    }
}

#[test]
fn what_the_operator_has_not_seen_is_progressing() {
    let seen = SAMPLES[0].object()["status"].clone();
    let mut before = seen.clone();
    before["observedGeneration"] = json!(2);
    let statuses =
        [json!(null), json!({ "observedGeneration": -1 }), before, json!({ "observedGeneration": 3 })];
    let kinds = [IDENTITY, AUTHORITY].into_iter();
    let objects: Vec<Value> =
        kinds.flat_map(|kind| statuses.iter().map(move |status| object(kind, status))).collect();
    let Some(healths) = healths(&objects) else { return };
    assert_eq!(healths.len(), objects.len());
    for ((health, _), object) in healths.iter().zip(&objects) {
        assert_eq!(health, "Progressing", "{object}");
    }
}

#[test]
fn every_reason_has_a_sample() {
    let sampled = |kind: &str| -> BTreeSet<&str> {
        SAMPLES.iter().filter(|sample| sample.kind == kind).map(|sample| sample.reason).collect()
    };
    assert_eq!(sampled(IDENTITY), ReadyReason::ALL.map(ReadyReason::as_str).into());
    assert_eq!(sampled(AUTHORITY), AuthorityReason::ALL.map(AuthorityReason::as_str).into());
}
