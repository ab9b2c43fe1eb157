//! Which identities ask for a Secret of which name.
//!
//! Those that name none are found by their own name, the others among all that name one.

use super::digest::Digest;
use super::id::IdentityId;
use super::{Index, identity::IdentityEntry};
use crate::api::identity::identity_of_default_secret;

impl Index {
    /// The identities that ask for a Secret of this name.
    pub fn targeting(&self, namespace: &str, secret: &str) -> impl Iterator<Item = IdentityId> {
        let naming = self.secret_names.naming(self.hash(namespace, secret));
        let by_name = self.asking_by_name(namespace, secret);
        by_name.into_iter().chain(naming.filter(move |id| self.names(*id, namespace, secret)))
    }

    /// Of the identities that ask for a Secret of this name, the one with this uid.
    #[must_use]
    pub fn targeting_with(&self, namespace: &str, secret: &str, uid: Digest) -> Option<IdentityId> {
        let mut naming = self.secret_names.naming_with(self.hash(namespace, secret), uid);
        let by_name = self.asking_by_name(namespace, secret);
        let by_name = by_name.filter(|id| self.entry(*id).is_some_and(|entry| entry.uid == uid));
        by_name.or_else(|| naming.find(|id| self.names(*id, namespace, secret)))
    }

    /// The identity whose Secret has this name by default, if it names none.
    fn asking_by_name(&self, namespace: &str, secret: &str) -> Option<IdentityId> {
        let id = self.find(namespace, identity_of_default_secret(secret)?)?;
        self.entry(id).is_some_and(|entry| entry.named_secret().is_none()).then_some(id)
    }

    fn names(&self, id: IdentityId, namespace: &str, secret: &str) -> bool {
        let names = |entry: &IdentityEntry| entry.named_secret() == Some(secret);
        self.entry(id).is_some_and(|entry| *entry.namespace == *namespace && names(entry))
    }

    /// Hash and uid by which an identity is among those that name their Secret.
    fn secret_name(&self, id: IdentityId) -> Option<(u64, Digest)> {
        let entry = self.entry(id)?;
        Some((self.hash(&entry.namespace, entry.named_secret()?), entry.uid))
    }

    pub(super) fn remember_secret_name(&mut self, id: IdentityId) {
        if let Some((secret, uid)) = self.secret_name(id) {
            self.secret_names.insert(secret, uid, id);
        }
    }

    pub(super) fn forget_secret_name(&mut self, id: IdentityId) {
        if let Some((secret, uid)) = self.secret_name(id) {
            self.secret_names.remove(secret, uid, id);
        }
    }
}
