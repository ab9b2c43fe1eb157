//! Identities whose spec names their Secret, by that name. Most name none, and are found by their own.
//!
//! Many identities may name the same Secret: the one that a Secret belongs to is found among them without looking at each.

use std::collections::BTreeSet;

use super::digest::Digest;
use super::id::IdentityId;

/// Hash of namespace and name of the Secret, uid, place.
#[derive(Debug, Default)]
pub struct SecretNames(BTreeSet<(u64, Digest, IdentityId)>);

impl SecretNames {
    /// An identity names a Secret with this hash.
    pub fn insert(&mut self, secret: u64, uid: Digest, id: IdentityId) {
        self.0.insert((secret, uid, id));
    }

    /// It does so no more.
    pub fn remove(&mut self, secret: u64, uid: Digest, id: IdentityId) {
        self.0.remove(&(secret, uid, id));
    }

    /// The identities that name a Secret with this hash.
    pub fn naming(&self, secret: u64) -> impl Iterator<Item = IdentityId> {
        self.range((secret, Digest::MIN), (secret, Digest::MAX))
    }

    /// Those of them with this uid.
    pub fn naming_with(&self, secret: u64, uid: Digest) -> impl Iterator<Item = IdentityId> {
        self.range((secret, uid), (secret, uid))
    }

    fn range(&self, first: (u64, Digest), last: (u64, Digest)) -> impl Iterator<Item = IdentityId> {
        let (lowest, highest) = (IdentityId::new(u32::MIN), IdentityId::new(u32::MAX));
        self.0.range((first.0, first.1, lowest)..=(last.0, last.1, highest)).map(|(.., id)| *id)
    }
}
