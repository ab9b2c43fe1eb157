//! Verdicts as status: the condition `Serving` and what was served, written when they differ.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::api::conditions::{SERVING, stated};
use crate::api::probe::{ServedEndpoint, ServedStatus};
use crate::api::{MtlsIdentity, MtlsIdentityStatus};
use crate::plan::probe::verdict::{Differing, ServingReason, ServingVerdict};

/// The status of an identity with this verdict about its servers.
#[must_use]
pub fn after(identity: &MtlsIdentity, verdict: &ServingVerdict, now: Timestamp) -> MtlsIdentityStatus {
    let before = identity.status.clone().unwrap_or_default();
    let ServingVerdict { reason, message, .. } = verdict;
    let generation = identity.metadata.generation;
    let serving =
        stated(SERVING, (reason.status(), reason.as_str(), message), &before.conditions, generation, now);
    let mut conditions = before.conditions.clone();
    conditions.retain(|condition| condition.type_ != SERVING);
    conditions.push(serving);
    let served = (*reason != ServingReason::Disabled).then(|| served(verdict));
    MtlsIdentityStatus { conditions, served, ..before }
}

fn served(verdict: &ServingVerdict) -> ServedStatus {
    let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    ServedStatus {
        endpoints: count(verdict.endpoints),
        as_issued: count(verdict.as_issued),
        differing: verdict.differing.iter().map(endpoint).collect(),
    }
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
