//! What was seen of the cluster, compactly: every identity and every leaf Secret, found by name in both directions.
//!
//! From an identity to the Secret that it asks for, and from a Secret to the identities that ask for it. Pure: watches and answers
//! insert what they see.

pub mod authorities;
pub mod awaited_object;
mod by_secret;
pub mod digest;
mod id;
pub mod identity;
mod identity_names;
pub mod issuer;
pub mod kept_object;
pub mod leaf_secret;
mod leaf_secrets;
pub mod listed;
mod members;
pub mod metadata;
mod own_values;
pub mod policy;
pub mod recorded_status;
mod secret_names;
mod slots;
pub mod source;
pub mod texts;
pub mod time;
pub mod tombstones;

use std::hash::BuildHasher as _;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashTable};

pub use self::id::IdentityId;
use self::identity::IdentityEntry;
use self::leaf_secret::SecretEntry;
use self::leaf_secrets::LeafSecrets;
use self::listed::{ListNumber, Listed};
use self::members::Members;
use self::secret_names::SecretNames;
use self::slots::Slots;
use self::source::Source;
use self::time::Millis;
use self::tombstones::{Tombstones, key};

/// The index.
///
/// # Guarantees
/// An entry is of the newest version that was seen; an answer brings no deleted object back.
#[derive(Debug, Default)]
pub struct Index {
    slots: Slots<Listed<IdentityEntry>>,
    by_name: HashTable<IdentityId>,
    secret_names: SecretNames,
    members: Members,
    secrets: LeafSecrets,
    deleted_identities: Tombstones,
    deleted_secrets: Tombstones,
    list: ListNumber,
    hasher: DefaultHashBuilder,
}

impl Index {
    /// The identity in a place.
    #[must_use]
    pub fn entry(&self, id: IdentityId) -> Option<&IdentityEntry> {
        self.slots.get(id.number()).map(|listed| &listed.item)
    }

    /// The place of an identity.
    #[must_use]
    pub fn find(&self, namespace: &str, name: &str) -> Option<IdentityId> {
        let is_it =
            |id: &IdentityId| self.entry(*id).is_some_and(|e| *e.namespace == *namespace && e.name() == name);
        self.by_name.find(self.hash(namespace, name), is_it).copied()
    }

    /// Every identity with its place.
    pub fn entries(&self) -> impl Iterator<Item = (IdentityId, &IdentityEntry)> {
        self.by_name.iter().filter_map(|id| self.entry(*id).map(|entry| (*id, entry)))
    }

    /// Number of identities.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there are no identities.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// Remembers an identity. `None` if a newer version of it is remembered already, or its deletion.
    pub fn put(&mut self, entry: IdentityEntry, source: Source) -> Option<IdentityId> {
        let is_gone = || self.deleted_identities.covers(key(&entry.namespace, entry.name()), entry.version);
        if source == Source::Answer && is_gone() {
            return None;
        }
        match self.find(&entry.namespace, entry.name()) {
            Some(id) => self.replace(id, entry, source),
            None => Some(self.insert(entry)),
        }
    }

    fn replace(&mut self, id: IdentityId, entry: IdentityEntry, source: Source) -> Option<IdentityId> {
        let list = self.list;
        let listed = self.slots.get_mut(id.number())?;
        if source != Source::Answer {
            listed.is_seen_in(list);
        }
        let known = (listed.item.uid, listed.item.version);
        if !source.replaces((entry.uid, entry.version), known) {
            return None;
        }
        self.forget_secret_name(id);
        self.slots.get_mut(id.number())?.item = entry;
        self.remember_secret_name(id);
        Some(id)
    }

    fn insert(&mut self, entry: IdentityEntry) -> IdentityId {
        let (by_name, namespace) = (self.hash(&entry.namespace, entry.name()), entry.namespace.clone());
        let id = IdentityId::new(self.slots.insert(Listed::new(entry, self.list)));
        let rehash = rehash_names(&self.slots, &self.hasher);
        self.by_name.insert_unique(by_name, id, rehash);
        self.members.insert(&namespace, id);
        self.remember_secret_name(id);
        id
    }

    /// Forgets an identity.
    pub fn remove(&mut self, id: IdentityId) -> Option<IdentityEntry> {
        self.forget_secret_name(id);
        let entry = self.slots.remove(id.number())?.item;
        let hash = self.hash(&entry.namespace, entry.name());
        if let Ok(found) = self.by_name.find_entry(hash, |other| *other == id) {
            found.remove();
        }
        self.members.remove(&entry.namespace, id);
        Some(entry)
    }

    /// The identities of a namespace.
    pub fn members(&self, namespace: &str) -> impl Iterator<Item = IdentityId> {
        self.members.of(namespace)
    }

    /// The Secret of this name.
    #[must_use]
    pub fn secret(&self, namespace: &str, name: &str) -> Option<&SecretEntry> {
        self.secrets.get(namespace, name)
    }

    /// Remembers a Secret, unless a newer version of it is remembered already, or its deletion.
    pub fn put_secret(&mut self, secret: SecretEntry, source: Source) {
        if source == Source::Answer && self.has_deleted_secret(&secret) {
            return;
        }
        self.secrets.put(secret, source, self.list);
    }

    /// Forgets a Secret.
    pub fn remove_secret(&mut self, namespace: &str, name: &str) {
        self.secrets.remove(namespace, name);
    }

    /// An identity was seen to be deleted, in all states up to this version.
    pub fn mark_deleted(&mut self, namespace: &str, name: &str, version: u64, now: Millis) {
        self.deleted_identities.insert(key(namespace, name), version, now);
    }

    /// A Secret was seen to be deleted, in all states up to this version.
    pub fn mark_secret_deleted(&mut self, namespace: &str, name: &str, version: u64, now: Millis) {
        self.deleted_secrets.insert(key(namespace, name), version, now);
    }

    /// Whether a Secret was seen to be deleted in this state or in a later one.
    #[must_use]
    pub fn has_deleted_secret(&self, secret: &SecretEntry) -> bool {
        self.deleted_secrets.covers(key(&secret.namespace, &secret.name), secret.version)
    }

    /// Every Secret.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretEntry> {
        self.secrets.iter()
    }

    /// A list begins: what it does not name, and nothing else does meanwhile, is gone.
    pub fn start_list(&mut self) -> ListNumber {
        self.list = self.list.next();
        self.list
    }

    /// The identities, within one namespace where one is given, that were not seen since the list began.
    #[must_use]
    pub fn unlisted_identities(&self, namespace: Option<&str>, list: ListNumber) -> Vec<IdentityId> {
        let is_stale = |listed: &Listed<IdentityEntry>| {
            listed.is_missing_from(list)
                && namespace.is_none_or(|namespace| *listed.item.namespace == *namespace)
        };
        let stale = self.slots.iter().filter(|(_, listed)| is_stale(listed));
        stale.map(|(slot, _)| IdentityId::new(slot)).collect()
    }

    /// The Secrets, within one namespace where one is given, that were not seen since the list began.
    #[must_use]
    pub fn unlisted_secrets(&self, namespace: Option<&str>, list: ListNumber) -> Vec<(Arc<str>, Box<str>)> {
        self.secrets.unlisted(namespace, list)
    }

    fn hash(&self, namespace: &str, name: &str) -> u64 {
        self.hasher.hash_one((namespace, name))
    }
}

fn rehash_names<'a>(
    slots: &'a Slots<Listed<IdentityEntry>>,
    hasher: &'a DefaultHashBuilder,
) -> impl Fn(&IdentityId) -> u64 + 'a {
    let name = |listed: &'a Listed<IdentityEntry>| (&*listed.item.namespace, listed.item.name());
    move |id| slots.get(id.number()).map_or(0, |listed| hasher.hash_one(name(listed)))
}
