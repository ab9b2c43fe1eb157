//! The status of an identity, as a value.
//!
//! It says what was found; what was not read stays as it was.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::observed::ObservedSecret;
use crate::api::conditions::{READY, SERVING, find};
use crate::api::identity::{MtlsIdentity, MtlsIdentityStatus, SecretReference};
use crate::operator::index::recorded_status::has_stalled;
use crate::operator::scheduler::requeue::is_refusal;
use crate::plan::identity::decide::Decision;
use crate::plan::identity::ready::ReadyReason;
use crate::plan::identity::spec::IdentitySpec;
use crate::plan::identity::world::{Before, SecretState};

/// The status of an identity after this decision about what was found.
#[must_use]
pub fn identity_status(
    identity: &MtlsIdentity,
    spec: &IdentitySpec,
    decision: &Decision,
    found: &ObservedSecret,
    now: Timestamp,
) -> MtlsIdentityStatus {
    let before = identity.status.clone().unwrap_or_default();
    let generation = identity.metadata.generation;
    let mut conditions = decision.ready.conditions(&before.conditions, generation, now);
    // Only the probe controller changes what probes have found; without spec.probes it is removed.
    let is_probed = !identity.spec.probes.is_empty();
    conditions.extend(find(&before.conditions, SERVING).filter(|_| is_probed).cloned());
    let served = before.served.clone().filter(|_| is_probed);
    let mut status = MtlsIdentityStatus { observed_generation: generation, conditions, served, ..before };
    status.authority_name = Some(spec.authority.clone());
    status.renewal_time = decision.renewal.map(Time);
    match &found.state {
        SecretState::Held(owned) => {
            status.secret = Some(SecretReference {
                name: spec.secret.name.clone(),
                resource_version: owned.version.clone(),
            });
            status.last_handled_renew.clone_from(&owned.renew_request);
            status.revision = Some(found.revision);
            describe_leaf(&mut status, found, owned.leaf.is_ok());
        }
        SecretState::Absent | SecretState::Foreign(_) => {
            status.secret = None;
            forget_leaf(&mut status);
        }
    }
    status
}

/// What the status of an identity says of the time before.
#[must_use]
pub fn before(identity: &MtlsIdentity) -> Before {
    let Some(status) = &identity.status else { return Before::default() };
    let is_current = status.observed_generation == identity.metadata.generation;
    let reason = find(&status.conditions, READY).and_then(|ready| ReadyReason::parse(&ready.reason));
    Before {
        was_issued: status.revision.is_some(),
        was_permitted: is_current && reason.is_some_and(|reason| !is_refusal(reason)),
        was_stalled: is_current && has_stalled(status),
    }
}

/// What the leaf says, where it was read; what it said before stays where it was not.
fn describe_leaf(status: &mut MtlsIdentityStatus, found: &ObservedSecret, is_sound: bool) {
    if let Some(leaf) = &found.leaf {
        status.spiffe_id = leaf.spiffe_ids.first().cloned();
        status.dns_names.clone_from(&leaf.dns_names);
        status.serial = Some(leaf.serial.to_string());
        status.not_before = Some(Time(leaf.window.not_before));
        status.not_after = Some(Time(leaf.window.not_after));
        status.authority_key_id = Some(leaf.authority_key_id.to_string());
    } else if !is_sound {
        forget_leaf(status);
    }
}

fn forget_leaf(status: &mut MtlsIdentityStatus) {
    status.spiffe_id = None;
    status.dns_names.clear();
    status.serial = None;
    status.not_before = None;
    status.not_after = None;
    status.authority_key_id = None;
}
