//! When what an identity holds is due to be replaced: its trust bundle, the leaf of a retiring signer, a leaf near its end.
//!
//! Pure. Seconds since 1970; `i64::MIN` is at once.

use super::requeue_inputs::RequeueInputs;
use crate::operator::index::identity::IdentityEntry;
use crate::operator::index::issuer::IssuerEntry;
use crate::operator::index::leaf_secret::SecretEntry;
use crate::plan::spread::turn;

/// When a Secret is given the trust bundle in force, if it holds another: the former one in its turn, what never was in
/// force at once.
pub fn trust_due(
    entry: &IdentityEntry,
    secret: &SecretEntry,
    around: RequeueInputs<'_>,
    renewal: Option<i64>,
) -> Option<i64> {
    let signer = around.signer().filter(|signer| secret.trust != Some(signer.trust))?;
    let is_former = secret.trust.is_some() && secret.trust == signer.former_trust;
    Some(signer.step.filter(|_| is_former).map_or(i64::MIN, |step| turn(step, entry.slot, renewal)))
}

/// When a leaf of a retiring signer is replaced, if it is one.
pub fn rotation_due(entry: &IdentityEntry, around: RequeueInputs<'_>, renewal: Option<i64>) -> Option<i64> {
    let signer = around.signing().filter(|_| !entry.is_paused)?;
    signer.retires(entry.recorded.key_id)?;
    Some(signer.step.map_or(i64::MIN, |step| turn(step, entry.slot, renewal)))
}

/// Whether the leaf in force will be renewed: never while paused, and never by a signer that could give no later end.
pub fn renews(entry: &IdentityEntry, around: RequeueInputs<'_>) -> bool {
    let recorded = &entry.recorded;
    let ends_with_signer = |signer: &IssuerEntry| {
        recorded.key_id == Some(signer.key_id) && recorded.not_after >= signer.not_after
    };
    !entry.is_paused && !around.signer().is_none_or(ends_with_signer)
}

/// When the leaf in force is looked at for its renewal. Where no root signs by then, that look says so and takes the
/// announced time out of status, so that there is no second one before one does.
pub fn renewal_look(entry: &IdentityEntry, around: RequeueInputs<'_>) -> Option<i64> {
    let renewal = entry.recorded.renewal;
    let is_awaited = match around.signing() {
        Some(_) => renews(entry, around),
        None => !entry.is_paused && renewal != 0,
    };
    is_awaited.then_some(renewal)
}
