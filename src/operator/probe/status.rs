//! A verdict as status: the condition `Serving`, and what the endpoints serve.
//!
//! Every other part of the status stays as it is.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use serde_json::{Value, json};

use crate::api::MtlsIdentity;
use crate::api::conditions::{self, SERVING};
use crate::api::probe::{ServedEndpoint, ServedStatus};
use crate::operator::index::digest::{Digest, digest};
use crate::plan::probe::verdict::{Differing, ServingReason, ServingVerdict};

/// Longest text of conditions that is kept, in octets.
const MAX_KEPT: usize = 512;

/// The words for the status of a condition.
const STATUS: [&str; 3] = ["True", "False", "Unknown"];

/// What a write of the status of an identity has to preserve: a merge patch replaces the list of conditions as a whole.
#[derive(Debug)]
pub struct StoredStatus {
    /// The version that a write names.
    version: Box<str>,
    /// The other conditions, as JSON.
    others: Box<str>,
    /// The status of `Serving`, and since when it is that.
    serving: Option<(&'static str, Timestamp)>,
}

impl StoredStatus {
    /// That of an object; `None` where it is too long to be kept.
    #[must_use]
    pub fn of(identity: &MtlsIdentity) -> Option<Self> {
        Self::new(identity).filter(|status| status.others.len() <= MAX_KEPT)
    }

    /// That of an object, however long it is.
    #[must_use]
    pub fn new(identity: &MtlsIdentity) -> Option<Self> {
        let conditions = identity.status.as_ref().map(|status| &*status.conditions).unwrap_or_default();
        let others: Vec<&Condition> =
            conditions.iter().filter(|condition| condition.type_ != SERVING).collect();
        let serving = conditions::find(conditions, SERVING).and_then(|serving| {
            let status = STATUS.into_iter().find(|status| *status == serving.status)?;
            Some((status, serving.last_transition_time.0))
        });
        let version = identity.metadata.resource_version.as_deref()?.into();
        Some(Self { version, others: serde_json::to_string(&others).ok()?.into(), serving })
    }

    /// The merge patch that states this verdict.
    #[must_use]
    pub fn patch(&self, verdict: &ServingVerdict, generation: Option<i64>, now: Timestamp) -> Value {
        let mut conditions: Vec<Condition> = serde_json::from_str(&self.others).unwrap_or_default();
        let mut serving = serving(verdict, generation, now);
        if let Some((_, since)) = self.serving.filter(|(status, _)| *status == serving.status) {
            serving.last_transition_time = Time(since);
        }
        conditions.push(serving);
        let mut served = json!(served(verdict));
        if let Value::Object(served) = &mut served {
            // A list that is left out is to go.
            served.entry("differing").or_insert(Value::Null);
        }
        json!({
            "metadata": { "resourceVersion": self.version },
            "status": { "conditions": conditions, "served": served },
        })
    }
}

/// Stands for what a status states of servers.
#[must_use]
pub fn stated(serving: Option<&Condition>, served: Option<&ServedStatus>) -> Digest {
    let serving = serving.map(|condition| {
        let Condition { status, reason, message, observed_generation, .. } = condition;
        (status, reason, message, observed_generation)
    });
    digest(&json!([serving, served]).to_string())
}

/// Stands for what a status with this verdict states of servers.
#[must_use]
pub fn to_state(verdict: &ServingVerdict, generation: Option<i64>) -> Digest {
    stated(Some(&serving(verdict, generation, Timestamp::UNIX_EPOCH)), served(verdict).as_ref())
}

/// The condition, as if its status had changed now.
fn serving(verdict: &ServingVerdict, generation: Option<i64>, now: Timestamp) -> Condition {
    let ServingVerdict { reason, message, .. } = verdict;
    conditions::stated(SERVING, (reason.status(), reason.as_str(), message), &[], generation, now)
}

fn served(verdict: &ServingVerdict) -> Option<ServedStatus> {
    let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    (verdict.reason != ServingReason::Disabled).then(|| ServedStatus {
        endpoints: count(verdict.endpoints),
        as_issued: count(verdict.as_issued),
        differing: verdict.differing.iter().map(endpoint).collect(),
    })
}

fn endpoint(differing: &Differing) -> ServedEndpoint {
    let leaf = differing.leaf.as_ref();
    ServedEndpoint {
        probe: differing.probe.clone(),
        address: differing.address.clone(),
        reasons: differing.reasons.iter().map(|reason| reason.as_str().to_owned()).collect(),
        serial: leaf.map(|leaf| leaf.serial.clone()),
        authority_key_id: leaf.map(|leaf| leaf.key_id.clone()),
        not_after: leaf.map(|leaf| Time(leaf.not_after)),
    }
}
