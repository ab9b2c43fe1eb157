//! What is remembered of authorities and their signers: as much as tells whether an identity needs a look.

use std::sync::Arc;

use super::digest::{Digest, digest};
use super::leaf_secret::SecretEntry;
use crate::plan::identity::profile::AuthoritySpecHash;
use crate::plan::identity::world::Signer;
use crate::plan::spread::Step;

/// What is remembered of an authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityEntry {
    /// Changes with every change of what policy says.
    pub epoch: u64,
    /// Hash of what it contributes to profiles.
    pub terms: AuthoritySpecHash,
    /// The signer, where one signs.
    pub signer: Option<IssuerEntry>,
}

/// What is remembered of a signer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerEntry {
    /// Key identifier.
    pub key_id: Digest,
    /// End of its validity, seconds since 1970.
    pub not_after: i64,
    /// Hash of the trust bundle.
    pub trust: Digest,
    /// Hash of the trust bundle before the last change.
    pub former_trust: Option<Digest>,
    /// Whether the next root is announced, and waits until every counted Secret carries it.
    pub is_announced: bool,
    /// The signers that are retiring.
    pub retiring: Arc<[RetiringEntry]>,
    /// When Secrets follow the last change.
    pub step: Option<Step>,
    /// Key identifiers of signers whose leaves are replaced at once.
    pub distrusted: Arc<[Digest]>,
    /// Whether it signs nothing for the time being, though Secrets follow it.
    pub is_halted: bool,
    /// Key identifiers of all signers whose leaves can be valid.
    pub known: Arc<[Digest]>,
}

/// What is remembered of a signer that is retiring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetiringEntry {
    /// Key identifier.
    pub key_id: Digest,
    /// Until when a leaf of it can be valid, seconds since 1970.
    pub until: i64,
}

impl IssuerEntry {
    /// Until when a leaf with this key identifier can be valid, if its signer is retiring.
    #[must_use]
    pub fn retires(&self, key_id: Option<Digest>) -> Option<i64> {
        let signers = self.retiring.iter().filter(|signer| Some(signer.key_id) == key_id);
        signers.map(|signer| signer.until).max()
    }
}

impl From<&Signer> for IssuerEntry {
    fn from(signer: &Signer) -> Self {
        let rotation = &signer.rotation;
        let retiring = rotation.retiring.iter().map(|retiring| RetiringEntry {
            key_id: digest(&retiring.key_id),
            until: retiring.until.as_second(),
        });
        Self {
            key_id: digest(&signer.key_id),
            not_after: signer.window.not_after.as_second(),
            trust: digest(&signer.trust),
            former_trust: rotation.former_trust.as_deref().map(digest),
            is_announced: rotation.is_announced,
            retiring: retiring.collect(),
            step: rotation.step,
            distrusted: rotation.distrusted.iter().map(|key_id| digest(key_id)).collect(),
            is_halted: signer.halted.is_some(),
            known: rotation.known.iter().map(|key_id| digest(key_id)).collect(),
        }
    }
}

/// Whether a Secret holds a rotation up: it lacks the root that is announced, or holds a leaf, still valid, of a root that is
/// retiring. Once the next root signs, no Secret is waited for that lacks it: one that cannot be written would keep the former
/// root, and the next rotation, waiting for ever.
#[must_use]
pub fn lags(secret: &SecretEntry, signer: &IssuerEntry, now: i64) -> bool {
    let lacks_next = signer.is_announced && secret.trust != Some(signer.trust);
    lacks_next || holds_retiring(secret.key_id, secret.not_after, signer, now)
}

/// Whether a leaf of a retiring signer is valid. Its end is what others wrote: it is believed no further than to the end of the
/// last leaf that the signer can have signed.
#[must_use]
pub fn holds_retiring(key_id: Option<Digest>, end: Option<i64>, signer: &IssuerEntry, now: i64) -> bool {
    signer.retires(key_id).is_some_and(|until| end.unwrap_or(until).min(until) >= now)
}
