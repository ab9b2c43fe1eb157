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
pub mod issuer;
pub mod leaf_secret;
pub mod listed;
mod members;
pub mod metadata;
pub mod policy;
mod secret_names;
pub mod source;
pub mod time;
pub mod tombstones;

use std::hash::BuildHasher as _;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashTable};

pub use self::id::IdentityId;
use self::identity::IdentityEntry;
use self::leaf_secret::SecretEntry;
use self::listed::{ListNumber, Listed};
use self::members::Members;
use self::secret_names::SecretNames;
use self::source::Source;
use self::time::Millis;
use self::tombstones::{Tombstones, key};

/// The index.
///
/// # Guarantees
/// An entry is of the newest version that was seen; an answer brings no deleted object back.
#[derive(Debug, Default)]
pub struct Index {
    slots: Vec<Option<Listed<IdentityEntry>>>,
    free: Vec<IdentityId>,
    by_name: HashTable<IdentityId>,
    secret_names: SecretNames,
    members: Members,
    secrets: HashTable<Listed<SecretEntry>>,
    deleted_identities: Tombstones,
    deleted_secrets: Tombstones,
    list: ListNumber,
    hasher: DefaultHashBuilder,
}

impl Index {
    /// The identity in a place.
    #[must_use]
    pub fn entry(&self, id: IdentityId) -> Option<&IdentityEntry> {
        self.slots.get(id.slot())?.as_ref().map(|listed| &listed.item)
    }

    /// The place of an identity.
    #[must_use]
    pub fn find(&self, namespace: &str, name: &str) -> Option<IdentityId> {
        let is_it =
            |id: &IdentityId| self.entry(*id).is_some_and(|e| *e.namespace == *namespace && *e.name == *name);
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
        let is_gone = || self.deleted_identities.covers(key(&entry.namespace, &entry.name), entry.version);
        if source == Source::Answer && is_gone() {
            return None;
        }
        match self.find(&entry.namespace, &entry.name) {
            Some(id) => self.replace(id, entry, source),
            None => Some(self.insert(entry)),
        }
    }

    fn replace(&mut self, id: IdentityId, entry: IdentityEntry, source: Source) -> Option<IdentityId> {
        let list = self.list;
        let listed = self.slots.get_mut(id.slot())?.as_mut()?;
        if source != Source::Answer {
            listed.is_seen_in(list);
        }
        let known = (listed.item.uid, listed.item.version);
        if !source.replaces((entry.uid, entry.version), known) {
            return None;
        }
        self.forget_secret_name(id);
        self.slots.get_mut(id.slot())?.as_mut()?.item = entry;
        self.remember_secret_name(id);
        Some(id)
    }

    fn insert(&mut self, entry: IdentityEntry) -> IdentityId {
        let (by_name, namespace) = (self.hash(&entry.namespace, &entry.name), entry.namespace.clone());
        let listed = Some(Listed::new(entry, self.list));
        let id = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            IdentityId::new(u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX))
        });
        self.slots[id.slot()] = listed;
        let rehash = rehash_names(&self.slots, &self.hasher);
        self.by_name.insert_unique(by_name, id, rehash);
        self.members.insert(&namespace, id);
        self.remember_secret_name(id);
        id
    }

    /// Forgets an identity.
    pub fn remove(&mut self, id: IdentityId) -> Option<IdentityEntry> {
        self.forget_secret_name(id);
        let entry = self.slots.get_mut(id.slot())?.take()?.item;
        let hash = self.hash(&entry.namespace, &entry.name);
        if let Ok(found) = self.by_name.find_entry(hash, |other| *other == id) {
            found.remove();
        }
        self.members.remove(&entry.namespace, id);
        self.free.push(id);
        Some(entry)
    }

    /// The identities of a namespace.
    pub fn members(&self, namespace: &str) -> impl Iterator<Item = IdentityId> {
        self.members.of(namespace)
    }

    /// The Secret of this name.
    #[must_use]
    pub fn secret(&self, namespace: &str, name: &str) -> Option<&SecretEntry> {
        let is_it = |s: &Listed<SecretEntry>| *s.item.namespace == *namespace && *s.item.name == *name;
        self.secrets.find(self.hash(namespace, name), is_it).map(|listed| &listed.item)
    }

    /// Remembers a Secret, unless a newer version of it is remembered already, or its deletion.
    pub fn put_secret(&mut self, secret: SecretEntry, source: Source) {
        if source == Source::Answer && self.has_deleted_secret(&secret) {
            return;
        }
        let hash = self.hash(&secret.namespace, &secret.name);
        let list = self.list;
        let is_it =
            |s: &Listed<SecretEntry>| s.item.namespace == secret.namespace && s.item.name == secret.name;
        if let Some(listed) = self.secrets.find_mut(hash, is_it) {
            // An answer does not say that a list which is under way would name it.
            if source != Source::Answer {
                listed.is_seen_in(list);
            }
            let known = (listed.item.uid, listed.item.version);
            if source.replaces((secret.uid, secret.version), known) {
                listed.item = secret;
            }
            return;
        }
        let hasher = &self.hasher;
        let rehash = |s: &Listed<SecretEntry>| hasher.hash_one((&*s.item.namespace, &*s.item.name));
        self.secrets.insert_unique(hash, Listed::new(secret, list), rehash);
    }

    /// Forgets a Secret.
    pub fn remove_secret(&mut self, namespace: &str, name: &str) {
        let hash = self.hash(namespace, name);
        let is_it = |s: &Listed<SecretEntry>| *s.item.namespace == *namespace && *s.item.name == *name;
        if let Ok(found) = self.secrets.find_entry(hash, is_it) {
            found.remove();
        }
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
        self.secrets.iter().map(|listed| &listed.item)
    }

    /// A list begins: what it does not name, and nothing else does meanwhile, is gone.
    pub fn start_list(&mut self) -> ListNumber {
        self.list = self.list.next();
        self.list
    }

    /// The identities, within one namespace where one is given, that were not seen since the list began.
    #[must_use]
    pub fn unlisted_identities(&self, namespace: Option<&str>, list: ListNumber) -> Vec<IdentityId> {
        let stale = |(slot, listed): (usize, &Option<Listed<IdentityEntry>>)| {
            let listed = listed.as_ref()?;
            let in_scope = namespace.is_none_or(|namespace| *listed.item.namespace == *namespace);
            (in_scope && listed.is_missing_from(list)).then_some(slot)
        };
        let slots = self.slots.iter().enumerate().filter_map(stale);
        slots.filter_map(|slot| u32::try_from(slot).ok().map(IdentityId::new)).collect()
    }

    /// The Secrets, within one namespace where one is given, that were not seen since the list began.
    #[must_use]
    pub fn unlisted_secrets(&self, namespace: Option<&str>, list: ListNumber) -> Vec<(Arc<str>, Box<str>)> {
        let in_scope =
            |s: &&Listed<SecretEntry>| namespace.is_none_or(|namespace| *s.item.namespace == *namespace);
        let stale = self.secrets.iter().filter(in_scope).filter(|s| s.is_missing_from(list));
        stale.map(|s| (s.item.namespace.clone(), s.item.name.clone())).collect()
    }

    fn hash(&self, namespace: &str, name: &str) -> u64 {
        self.hasher.hash_one((namespace, name))
    }
}

fn entry_at(slots: &[Option<Listed<IdentityEntry>>], id: IdentityId) -> Option<&IdentityEntry> {
    slots.get(id.slot())?.as_ref().map(|listed| &listed.item)
}

fn rehash_names<'a>(
    slots: &'a [Option<Listed<IdentityEntry>>],
    hasher: &'a DefaultHashBuilder,
) -> impl Fn(&IdentityId) -> u64 + 'a {
    |id| entry_at(slots, *id).map_or(0, |entry| hasher.hash_one((&*entry.namespace, &*entry.name)))
}
