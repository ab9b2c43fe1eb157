//! Backoff of an identity or a trust bundle, with jitter, from half a second to five minutes.
//!
//! It never gives up; a new generation begins with the shortest delay.

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;

use crate::operator::index::IdentityId;
use crate::operator::index::digest::hash_of;
use crate::operator::index::time::Millis;

/// The shortest pause: longer than a few writes take, so that a conflict is over.
const FIRST: Millis = 500;
/// The longest pause: what a cure without an event, such as of an admission policy, takes to be noticed at most.
pub(super) const LAST: Millis = 300_000;

#[derive(Clone, Copy, Debug)]
struct Retry {
    attempts: u32,
    until: Millis,
    generation: i64,
}

/// Backoffs of what failed, by its key.
#[derive(Debug)]
pub struct Backoff<K = IdentityId>(HashMap<K, Retry>);

impl<K> Default for Backoff<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Copy + Debug + Eq + Hash> Backoff<K> {
    /// Counts an attempt that failed, and returns when to try again.
    pub fn failed(&mut self, id: K, generation: i64, now: Millis) -> Millis {
        let attempts = self.0.get(&id).filter(|r| r.generation == generation).map_or(0, |r| r.attempts);
        let until = now.saturating_add(delay(id, attempts));
        self.0.insert(id, Retry { attempts: attempts.saturating_add(1), until, generation });
        until
    }

    /// It waits no longer than until this moment.
    pub fn no_later_than(&mut self, id: K, at: Millis) {
        if let Some(retry) = self.0.get_mut(&id) {
            retry.until = retry.until.min(at);
        }
    }

    /// Until when it waits, if this generation of it failed and the time is still to come. A time that is further away than
    /// any backoff was set by a clock that has been set back since: it has come.
    #[must_use]
    pub fn until(&self, id: K, generation: i64, now: Millis) -> Option<Millis> {
        let retry = self.0.get(&id).filter(|retry| retry.generation == generation)?;
        let left = retry.until.saturating_sub(now);
        (0 < left && left <= LAST).then_some(retry.until)
    }

    /// Whether the last attempt at this generation of it failed.
    #[must_use]
    pub fn has_failed(&self, id: K, generation: i64) -> bool {
        self.0.get(&id).is_some_and(|retry| retry.generation == generation)
    }

    /// An attempt succeeded, or something changed that another attempt may succeed by.
    pub fn clear(&mut self, id: K) {
        self.0.remove(&id);
    }

    /// What waits for another attempt.
    pub fn ids(&self) -> impl Iterator<Item = K> + '_ {
        self.0.keys().copied()
    }

    /// Number of those that wait for another attempt.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none waits for another attempt.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Doubles with every attempt; between three quarters and the whole of it, so that what failed together does not
/// come back together.
pub(super) fn delay(id: impl Debug, attempts: u32) -> Millis {
    let whole = FIRST.saturating_mul(1_i64.checked_shl(attempts.min(20)).unwrap_or(i64::MAX)).min(LAST);
    let spread = i64::try_from(hash_of(&format!("{id:?}/{attempts}")) % 1024).unwrap_or(0);
    whole - whole / 4 * spread / 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_five_minutes_and_stay_there() {
        let id = IdentityId::new(7);
        let mut retries = Backoff::default();
        let delays: Vec<Millis> = (0..30).map(|_| retries.failed(id, 1, 0)).collect();
        assert!((375..=500).contains(&delays[0]), "{delays:?}");
        assert!((750..=1000).contains(&delays[1]), "{delays:?}");
        assert!(delays[12..].iter().all(|d| (225_000..=300_000).contains(d)), "{delays:?}");
    }

    #[test]
    fn a_new_generation_starts_with_the_shortest_delay() {
        let id = IdentityId::new(7);
        let mut retries = Backoff::default();
        for _ in 0..10 {
            retries.failed(id, 1, 0);
        }
        assert_eq!(retries.until(id, 2, 0), None);
        assert!(retries.failed(id, 2, 0) <= 500);
    }
}
