//! Every leaf Secret that was seen, by its name.
//!
//! The table holds places only: what it keeps free costs four octets, not those of an entry.

use std::hash::BuildHasher as _;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::leaf_secret::SecretEntry;
use super::listed::{ListNumber, Listed};
use super::slots::Slots;
use super::source::Source;

/// The leaf Secrets.
#[derive(Debug, Default)]
pub struct LeafSecrets {
    slots: Slots<Listed<SecretEntry>>,
    by_name: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl LeafSecrets {
    /// The Secret of this name.
    pub fn get(&self, namespace: &str, name: &str) -> Option<&SecretEntry> {
        self.slots.get(self.place(namespace, name)?).map(|listed| &listed.item)
    }

    /// Remembers a Secret, unless a newer version of it is remembered already.
    pub fn put(&mut self, secret: SecretEntry, source: Source, list: ListNumber) {
        let place = self.place(&secret.namespace, &secret.name);
        let Some(listed) = place.and_then(|slot| self.slots.get_mut(slot)) else {
            return self.insert(secret, list);
        };
        // An answer does not say that a list which is under way would name it.
        if source != Source::Answer {
            listed.is_seen_in(list);
        }
        let known = (listed.item.uid, listed.item.version);
        if source.replaces((secret.uid, secret.version), known) {
            listed.item = secret;
        }
    }

    fn insert(&mut self, secret: SecretEntry, list: ListNumber) {
        let hash = self.hasher.hash_one((&*secret.namespace, &*secret.name));
        let slot = self.slots.insert(Listed::new(secret, list));
        let (slots, hasher) = (&self.slots, &self.hasher);
        let name =
            |listed: &Listed<SecretEntry>| hasher.hash_one((&*listed.item.namespace, &*listed.item.name));
        self.by_name.insert_unique(hash, slot, |slot| slots.get(*slot).map_or(0, name));
    }

    /// Forgets a Secret.
    pub fn remove(&mut self, namespace: &str, name: &str) {
        let Some(place) = self.place(namespace, name) else { return };
        let hash = self.hasher.hash_one((namespace, name));
        if let Ok(found) = self.by_name.find_entry(hash, |slot| *slot == place) {
            found.remove();
        }
        self.slots.remove(place);
    }

    /// Every Secret.
    pub fn iter(&self) -> impl Iterator<Item = &SecretEntry> {
        self.slots.iter().map(|(_, listed)| &listed.item)
    }

    /// Those, within one namespace where one is given, that were not seen since the list began.
    pub fn unlisted(&self, namespace: Option<&str>, list: ListNumber) -> Vec<(Arc<str>, Box<str>)> {
        let in_scope =
            |s: &&Listed<SecretEntry>| namespace.is_none_or(|namespace| *s.item.namespace == *namespace);
        let listed = self.slots.iter().map(|(_, listed)| listed);
        let stale = listed.filter(in_scope).filter(|s| s.is_missing_from(list));
        stale.map(|s| (s.item.namespace.clone(), s.item.name.clone())).collect()
    }

    fn place(&self, namespace: &str, name: &str) -> Option<u32> {
        let is_it = |slot: &u32| {
            let secret = self.slots.get(*slot).map(|listed| &listed.item);
            secret.is_some_and(|secret| *secret.namespace == *namespace && *secret.name == *name)
        };
        self.by_name.find(self.hasher.hash_one((namespace, name)), is_it).copied()
    }
}
