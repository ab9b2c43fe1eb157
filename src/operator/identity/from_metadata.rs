//! What a Secret holds, by status and metadata alone: where it was not written since it was verified.
//!
//! Pure. Others can write status and metadata: both have to agree, and to name a signer that the root in force knows.

use jiff::Timestamp;

use super::observed::{ObserveInput, ObservedSecret};
use crate::api::identity::MtlsIdentityStatus;
use crate::operator::index::digest::{digest, version_number};
use crate::operator::index::leaf_secret::SecretEntry;
use crate::operator::index::time::Second;
use crate::pki::Validity;
use crate::plan::identity::world::{OwnedSecret, SecretState, StoredLeaf};

/// The Secret, if status speaks of this spec and of this version of the Secret.
#[must_use]
pub fn from_metadata(input: &ObserveInput<'_>, seen: &SecretEntry) -> Option<ObservedSecret> {
    let status = input.status()?;
    let version = input.verified_version().filter(|version| version_number(version) == seen.version)?;
    if seen.identity_uid != Some(digest(&input.spec.uid)) {
        return None;
    }
    // A status of older definitions cannot say which request was answered; a Secret that answers one can.
    if seen.answers_renew_request && status.last_handled_renew.is_none() {
        return None;
    }
    if !agrees(input, status, seen) {
        return None;
    }
    let known = input.root.map(|root| root.trust).into_iter().chain(input.former_trust());
    let trust = known.into_iter().find(|trust| seen.trust == Some(digest(trust))).map(str::to_owned);
    // An annotation that an admission policy has changed says nothing of the content.
    if trust.is_none() && input.root.is_some() {
        return None;
    }
    let owned = OwnedSecret {
        version: version.to_owned(),
        carries_uid: true,
        leaf: Ok(leaf(status, seen)?),
        profile: seen.profile,
        matches_profile: true,
        trust,
        metadata_is_current: true,
        renew_request: status.last_handled_renew.clone(),
    };
    Some(ObservedSecret {
        state: SecretState::Held(owned),
        leaf: None,
        annotations: None,
        metadata: None,
        revision: input.recorded_revision(),
    })
}

fn leaf(status: &MtlsIdentityStatus, seen: &SecretEntry) -> Option<StoredLeaf> {
    Some(StoredLeaf {
        serial: status.serial.clone()?,
        window: Validity {
            not_before: status.not_before.as_ref()?.0,
            not_after: status.not_after.as_ref()?.0,
        },
        key_id: status.authority_key_id.clone()?,
        issued_at: Timestamp::from_second(seen.issued_at?.get()).ok()?,
    })
}

/// Whether the metadata of a Secret say of its leaf what status says, and a known signer has signed it.
fn agrees(input: &ObserveInput<'_>, status: &MtlsIdentityStatus, seen: &SecretEntry) -> bool {
    let (Some(key_id), Some(not_after)) = (&status.authority_key_id, &status.not_after) else { return false };
    seen.key_id == Some(digest(key_id))
        && seen.not_after.map(Second::get) == Some(not_after.0.as_second())
        && input.root.is_none_or(|root| root.rotation.is_known(&**key_id))
}
