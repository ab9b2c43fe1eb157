//! What is remembered of authorities and their signers: as much as tells whether an identity needs a look.

use std::sync::Arc;

use super::digest::Digest;
use crate::plan::identity::profile::AuthoritySpecHash;
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
