//! Which objects were seen to be deleted lately. The answer to a request can arrive after the news of a later deletion, and
//! must not bring its object back. To refuse an answer costs a look at most: what exists, a watch tells as well.

use std::collections::{HashMap, VecDeque};

use super::identity::{Digest, digest};
use crate::operator::scheduler::deadlines::Millis;

/// No answer arrives later than this: requests have time limits.
const KEPT_FOR: Millis = 10 * 60 * 1000;
/// As many deletions are remembered at most.
const KEPT: usize = 4096;

/// A deletion.
#[derive(Clone, Copy, Debug)]
struct Tombstone {
    /// Version of the deletion.
    version: u64,
    /// When it was seen.
    at: Millis,
}

/// The latest deletions of one kind of object. Pure: it is told the time.
#[derive(Debug, Default)]
pub struct Tombstones {
    latest: HashMap<Digest, Tombstone>,
    /// In the order in which they were seen.
    order: VecDeque<(Digest, Millis)>,
}

impl Tombstones {
    /// The object at a place was seen to be deleted; every state of it up to this version is gone.
    pub fn bury(&mut self, place: Digest, version: u64, now: Millis) {
        self.forget(now);
        let version = self.latest.get(&place).map_or(version, |before| before.version.max(version));
        self.latest.insert(place, Tombstone { version, at: now });
        self.order.push_back((place, now));
    }

    /// Whether an object of this version at a place was seen to be deleted.
    #[must_use]
    pub fn has_buried(&self, place: Digest, version: u64) -> bool {
        self.latest.get(&place).is_some_and(|tombstone| version <= tombstone.version)
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

    /// Forgets what is too old or too much. A clock that was set back makes nothing older.
    fn forget(&mut self, now: Millis) {
        while let Some((place, at)) = self.order.front().copied() {
            if self.order.len() < KEPT && now.saturating_sub(at) <= KEPT_FOR {
                return;
            }
            self.order.pop_front();
            if self.latest.get(&place).is_some_and(|tombstone| tombstone.at == at) {
                self.latest.remove(&place);
            }
        }
    }
}

/// A place as tombstones know it. Neither name can hold the character between them.
#[must_use]
pub fn place(namespace: &str, name: &str) -> Digest {
    digest(&format!("{namespace}/{name}"))
}
