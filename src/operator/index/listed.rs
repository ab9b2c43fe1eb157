//! What a list shows to exist: what it does not name, and no event names before it is complete, is gone.
//!
//! Stores mark each item with the list that showed it last; handlers that keep nothing themselves collect keys.

use std::collections::HashSet;
use std::hash::Hash;

/// The number of a list: a later list has a higher one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListNumber(u32);

impl ListNumber {
    /// The number of the list that begins after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// An item, and the list during or after which it was seen last.
#[derive(Debug)]
pub struct Listed<T> {
    /// The item.
    pub item: T,
    list: ListNumber,
}

impl<T> Listed<T> {
    /// An item that is seen while this list is the latest.
    pub const fn new(item: T, list: ListNumber) -> Self {
        Self { item, list }
    }

    /// It is seen while this list is the latest.
    pub const fn is_seen_in(&mut self, list: ListNumber) {
        self.list = list;
    }

    /// Whether it was not seen since this list began.
    pub fn is_missing_from(&self, list: ListNumber) -> bool {
        self.list < list
    }
}

/// The keys that a list has named so far.
#[derive(Debug)]
pub struct ListedKeys<K>(HashSet<K>);

impl<K> Default for ListedKeys<K> {
    fn default() -> Self {
        Self(HashSet::new())
    }
}

impl<K: Eq + Hash> ListedKeys<K> {
    /// A list begins.
    pub fn start(&mut self) {
        self.0.clear();
    }

    /// The list names this key.
    pub fn insert(&mut self, key: K) {
        self.0.insert(key);
    }

    /// The list is complete: the keys that it named.
    #[must_use]
    pub fn finish(&mut self) -> HashSet<K> {
        std::mem::take(&mut self.0)
    }
}
