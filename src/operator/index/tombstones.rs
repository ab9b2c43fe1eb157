//! Objects that were seen to be deleted in the last minutes.
//!
//! The answer to a request can arrive after the event of a later deletion, and must not bring its object back. To refuse an
//! answer costs a reconcile at most: a watch shows what exists as well.

use std::collections::{HashMap, VecDeque};

use super::digest::{Digest, digest};
use super::time::Millis;

/// No answer arrives later than this: a request lives for half a minute at most (`WRITE_TIMEOUT`).
const KEPT_FOR: Millis = 10 * 60 * 1000;
/// As many deletions are remembered at most: 160 KiB.
const KEPT: usize = 4096;

/// A deletion.
#[derive(Clone, Copy, Debug)]
struct Tombstone {
    /// Version of the deletion.
    version: u64,
    /// When it was seen.
    at: Millis,
}

/// The latest deletions of one kind of object. Pure: the time is an argument.
#[derive(Debug, Default)]
pub struct Tombstones {
    latest: HashMap<Digest, Tombstone>,
    /// In the order in which they were seen.
    order: VecDeque<(Digest, Millis)>,
}

impl Tombstones {
    /// The object of this key was seen to be deleted; every state of it up to this version is gone.
    pub fn insert(&mut self, key: Digest, version: u64, now: Millis) {
        self.prune(now);
        let version = self.latest.get(&key).map_or(version, |before| before.version.max(version));
        self.latest.insert(key, Tombstone { version, at: now });
        self.order.push_back((key, now));
    }

    /// Whether the object of this key was seen to be deleted in this version or a later one.
    #[must_use]
    pub fn covers(&self, key: Digest, version: u64) -> bool {
        self.latest.get(&key).is_some_and(|tombstone| version <= tombstone.version)
    }

    /// Number of deletions that are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether no deletion is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Removes what is too old or too much. A clock that was set back makes nothing older.
    fn prune(&mut self, now: Millis) {
        while let Some((key, at)) = self.order.front().copied() {
            if self.order.len() < KEPT && now.saturating_sub(at) <= KEPT_FOR {
                return;
            }
            self.order.pop_front();
            if self.latest.get(&key).is_some_and(|tombstone| tombstone.at == at) {
                self.latest.remove(&key);
            }
        }
    }
}

/// The key of an object. Neither name can hold the character between them.
#[must_use]
pub fn key(namespace: &str, name: &str) -> Digest {
    digest(&format!("{namespace}/{name}"))
}
