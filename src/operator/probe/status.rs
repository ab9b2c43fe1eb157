//! A verdict as status: the condition `Serving`, and what the endpoints serve.
//!
//! Every other part of the status stays as it is.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::Value;

use super::store::ProbedIdentity;
use crate::api::conditions::{SERVING, stated};
use crate::api::probe::{ServedEndpoint, ServedStatus};
use crate::api::{MtlsIdentity, MtlsIdentityStatus};
use crate::operator::client::merge_patch::status_patch;
use crate::plan::probe::verdict::{Differing, ServingReason, ServingVerdict};

/// The status of an identity is written this often at most.
const WRITE_INTERVAL: Duration = Duration::from_secs(10);

/// A write of status: the object that it is based on, and the patch.
pub(super) type StatusWrite = (Arc<MtlsIdentity>, Value);

/// Begins a write of a verdict. `None` where the object states it already, or was written just now, or is being written.
pub(super) fn begin_write(
    probed: &mut ProbedIdentity,
    verdict: &ServingVerdict,
    now: Timestamp,
    monotonic: Duration,
) -> Option<StatusWrite> {
    let is_early = probed.written_at.is_some_and(|at| monotonic.saturating_sub(at) < WRITE_INTERVAL);
    let identity = probed.identity.clone();
    let version = identity.metadata.resource_version.as_deref();
    let is_stated = (probed.stated.as_ref())
        .is_some_and(|(as_of, stated)| as_of.as_deref() == version && stated == verdict);
    if is_early || probed.is_writing || is_stated {
        return None;
    }
    let after = after(&identity, verdict, now);
    let Some(patch) = status_patch(version, identity.status.as_ref(), &after) else {
        probed.stated = Some((version.map(str::to_owned), verdict.clone()));
        return None;
    };
    probed.is_writing = true;
    probed.written_at = Some(monotonic);
    Some((identity, patch))
}

/// The status of an identity with this verdict on its servers.
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
