//! What a fresh list of Secrets shows of a rotation, taken page by page.
//!
//! What a Secret says of itself counts only where its identity names it: people copy Secrets, and can write to them. Kept are the few
//! Secrets that are behind or newer than the index; of all others, only that the list names them.

use std::collections::HashMap;

use super::blockers::SecretSighting;
use super::listed_names::ListedNames;
use crate::api::MtlsIdentity;
use crate::api::namespaced_name::NamespacedName;
use crate::operator::index::digest::{Digest, version_number};
use crate::operator::index::identity::IdentityEntry;
use crate::operator::index::issuer::{IssuerEntry, lags};
use crate::operator::index::leaf_secret::SecretEntry;
use crate::operator::index::metadata::LeafMetadata;
use crate::operator::index::tombstones::key;
use crate::operator::index::{IdentityId, Index};
use crate::operator::scheduler::Scheduler;

/// A fresh list of Secrets, as far as it was taken.
pub struct FreshList<'a> {
    issuer: &'a IssuerEntry,
    /// This moment, in seconds since 1970.
    now: i64,
    /// Secrets that are behind, or newer than the index was.
    kept: HashMap<Digest, SecretEntry>,
    names: ListedNames,
    /// The version of which the list is, by the namespace that it is of.
    versions: HashMap<Option<String>, u64>,
}

/// A Secret's claim to belong to an identity of its namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnershipClaim {
    /// Name of the Secret.
    pub secret: String,
    /// The identity.
    pub identity: NamespacedName,
    /// Uid of the identity.
    pub uid: String,
}

impl OwnershipClaim {
    fn of(secret: LeafMetadata) -> Option<Self> {
        let identity = secret.labels.identity.filter(|identity| !identity.is_empty())?;
        Some(Self {
            identity: NamespacedName::new(secret.namespace, identity),
            secret: secret.name,
            uid: secret.annotations.identity_uid.unwrap_or_default(),
        })
    }

    /// Whether it is true. A Secret can be copied with all that it says, but an identity has one only.
    #[must_use]
    pub fn is_true(&self, identity: &MtlsIdentity) -> bool {
        let meta = &identity.metadata;
        // A spec that cannot be read does not say which Secret the identity wants.
        let wants_it = identity.spec.unreadable.is_some() || identity.secret_name() == self.secret;
        meta.uid.as_ref() == Some(&self.uid) && meta.deletion_timestamp.is_none() && wants_it
    }
}

impl<'a> FreshList<'a> {
    /// A list of which nothing was taken yet, in a rotation of this signer.
    #[must_use]
    pub fn new(issuer: &'a IssuerEntry, now: i64) -> Self {
        let (kept, names, versions) = (HashMap::new(), ListedNames::default(), HashMap::new());
        Self { issuer, now, kept, names, versions }
    }

    /// Notes of which version the list of a scope is.
    pub fn is_of(&mut self, scope: Option<String>, version: Option<&str>) {
        if let Some(version) = version {
            self.versions.insert(scope, version_number(version));
        }
    }

    /// Takes Secrets of the list. Returns the claims of those that are behind, to identities that the index does not know.
    #[must_use]
    pub fn fold(
        &mut self,
        scheduler: &Scheduler,
        secrets: impl IntoIterator<Item = LeafMetadata>,
    ) -> Vec<OwnershipClaim> {
        secrets.into_iter().filter_map(|secret| self.take(scheduler, secret)).collect()
    }

    fn take(&mut self, scheduler: &Scheduler, secret: LeafMetadata) -> Option<OwnershipClaim> {
        let index = scheduler.index();
        let entry = SecretEntry::of(&secret, scheduler.policy().intern(&secret.namespace));
        let (place, wanted_by) = (
            key(&entry.namespace, &entry.name),
            index.targeting(&entry.namespace, &entry.name).collect::<Vec<_>>(),
        );
        self.names.insert(place, &wanted_by);
        let is_behind = lags(&entry, self.issuer, self.now);
        let is_its =
            |id: &IdentityId| index.entry(*id).is_some_and(|own| Some(own.uid) == entry.identity_uid);
        let is_owned = wanted_by.iter().any(is_its);
        let named = secret.labels.identity.as_deref().and_then(|name| index.find(&entry.namespace, name));
        let is_claim = is_behind && !is_owned && !named.as_ref().is_some_and(is_its);
        if (is_behind && is_owned) || is_newer(index, &entry) {
            self.kept.insert(place, entry);
        }
        is_claim.then(|| OwnershipClaim::of(secret)).flatten()
    }

    /// What the list shows of the Secret of an identity. One that it does not name was deleted, or was written after the list was
    /// made: then the index knows.
    #[must_use]
    pub fn sighting<'s>(
        &'s self,
        index: &'s Index,
        id: IdentityId,
        entry: &IdentityEntry,
    ) -> SecretSighting<'s> {
        let name = entry.secret_name();
        let place = key(&entry.namespace, &name);
        if let Some(secret) = self.kept.get(&place) {
            return SecretSighting::Seen(secret);
        }
        if self.names.contains(place, id) {
            return SecretSighting::Current;
        }
        let written = index.secret(&entry.namespace, &name).filter(|secret| self.is_newer_than_list(secret));
        written.map_or(SecretSighting::Unseen, SecretSighting::Seen)
    }

    fn is_newer_than_list(&self, secret: &SecretEntry) -> bool {
        let version =
            self.versions.get(&None).or_else(|| self.versions.get(&Some(secret.namespace.to_string())));
        version.is_some_and(|version| secret.version > *version)
    }

    /// How many are newer than the index: the watch has not delivered yet what they were before. What was deleted while the
    /// list was made is in the index already.
    #[must_use]
    pub fn newer_than_index(&self, scheduler: &Scheduler) -> usize {
        self.kept.values().filter(|secret| is_newer(scheduler.index(), secret)).count()
    }

    /// Number of Secrets that are kept.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.kept.len()
    }
}

fn is_newer(index: &Index, secret: &SecretEntry) -> bool {
    let known = index.secret(&secret.namespace, &secret.name);
    known.is_none_or(|known| known.version < secret.version) && !index.has_deleted_secret(secret)
}
