//! What the index keeps of authorities and their signers: as much as shows whether an identity needs a reconcile.
//!
//! A signer is the same type as in decisions, with digests for ids, so that the same rules hold for both.

use jiff::Timestamp;

use super::digest::{Digest, digest};
use super::leaf_secret::SecretEntry;
use super::time::Second;
use crate::plan::identity::profile::AuthoritySpecHash;
use crate::plan::identity::signer::{RetiringSigner, Signer};

/// What is remembered of an authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityEntry {
    /// Changes with every change of what policy says.
    pub epoch: u64,
    /// Hash of what it contributes to profiles.
    pub profile: AuthoritySpecHash,
    /// The signer, where one signs.
    pub signer: Option<IssuerEntry>,
}

/// What is remembered of a signer.
pub type IssuerEntry = Signer<Digest, Halted>;

/// What is remembered of a signer that is retiring.
pub type RetiringEntry = RetiringSigner<Digest>;

/// A signer signs nothing for the time being. The sentence that says why is not remembered: no identity is reconciled for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Halted;

impl From<&Signer> for IssuerEntry {
    fn from(signer: &Signer) -> Self {
        signer.map(|id| digest(id), |_| Halted)
    }
}

/// Whether a Secret is behind in a rotation, which waits for it: it lacks the root that is announced, or holds a leaf, still valid, of a root that is
/// retiring. Once the next root signs, no Secret is waited for that lacks it: one that cannot be written would keep the former
/// root, and the next rotation, waiting for ever.
#[must_use]
pub fn lags(secret: &SecretEntry, signer: &IssuerEntry, now: i64) -> bool {
    let lacks_next = signer.rotation.is_announced && secret.trust != Some(signer.trust);
    lacks_next || holds_retiring(secret.key_id, secret.not_after, signer, now)
}

/// Whether a leaf of a retiring signer is valid. Its end is an annotation that others can write: a value after the end of the last
/// leaf that the signer can have signed is taken for that end.
#[must_use]
pub fn holds_retiring(
    key_id: Option<Digest>,
    not_after: Option<Second>,
    signer: &IssuerEntry,
    now: i64,
) -> bool {
    let until = key_id.and_then(|key_id| signer.rotation.retiring_until(&key_id));
    let until = until.map(Timestamp::as_second);
    until.is_some_and(|until| not_after.map_or(until, Second::get).min(until) >= now)
}
