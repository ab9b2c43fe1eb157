//! Proofs in the statuses of identities.
//!
//! Every account that may write a status can name any signer there, but only the operator can prove it.

use jiff::Timestamp;

use super::issuers::SigningCa;
use crate::api::identity::{MtlsIdentity, MtlsIdentityStatus};
use crate::pki::{Claim, EvidenceKey};

/// The claim that the status of an identity makes of its leaf.
fn claim<'a>(identity: &'a MtlsIdentity, status: &'a MtlsIdentityStatus) -> Option<Claim<'a>> {
    Some(Claim {
        uid: identity.metadata.uid.as_deref()?,
        key_id: status.authority_key_id.as_deref()?,
        not_after: status.not_after.as_ref()?.0,
    })
}

/// Whether the status of an identity carries a sound proof of an unexpired leaf.
#[must_use]
pub fn is_proven(identity: &MtlsIdentity, key: &EvidenceKey, now: Timestamp) -> bool {
    let proven = || {
        let status = identity.status.as_ref()?;
        let claim = claim(identity, status).filter(|claim| claim.not_after >= now)?;
        Some(key.has_proved(&claim, status.proof.as_deref()?))
    };
    proven().unwrap_or(false)
}

/// Whether the status of an identity proves that a signer existed which the root in force does not know.
#[must_use]
pub fn proves_loss(identity: &MtlsIdentity, root: &SigningCa, now: Timestamp) -> bool {
    let key = root.evidence_key.as_ref().filter(|_| names_unknown_signer(identity, root, now));
    key.is_some_and(|key| is_proven(identity, key, now))
}

/// Whether the status of an identity says that a signer which the root in force does not know has signed a leaf in force.
#[must_use]
pub fn names_unknown_signer(identity: &MtlsIdentity, root: &SigningCa, now: Timestamp) -> bool {
    let claim = identity.status.as_ref().and_then(|status| claim(identity, status));
    claim.is_some_and(|claim| claim.not_after >= now && !root.facts.rotation.is_known(claim.key_id))
}

/// A status that is about to be written, with its proof. A signer that the root in force does not know is not proved: users may
/// have put such a leaf there. While no root signs, a proof is kept with the claim that it proves.
#[must_use]
pub fn proven(
    status: MtlsIdentityStatus,
    identity: &MtlsIdentity,
    root: Option<&SigningCa>,
) -> MtlsIdentityStatus {
    let before = identity.status.as_ref();
    let proof = match root.and_then(|root| root.evidence_key.as_ref().zip(Some(&root.facts.rotation))) {
        Some((key, rotation)) => claim(identity, &status)
            .filter(|claim| rotation.is_known(claim.key_id))
            .map(|claim| key.prove(&claim)),
        None => before
            .filter(|before| claim(identity, before) == claim(identity, &status))
            .and_then(|before| before.proof.clone()),
    };
    MtlsIdentityStatus { proof, ..status }
}
