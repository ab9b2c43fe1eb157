//! What is due when, by the monotonic clock, in the order of time.
//!
//! An ordered set and no heap: each thing is in it once, what is not due any more leaves it, and what is due can be counted.

use std::collections::BTreeSet;
use std::time::Duration;

/// Things with the time at which each is due. Who puts one in remembers its time, to take it out again.
#[derive(Debug)]
pub struct DueTimes<K>(BTreeSet<(Duration, K)>);

impl<K> Default for DueTimes<K> {
    fn default() -> Self {
        Self(BTreeSet::new())
    }
}

impl<K: Ord + Clone> DueTimes<K> {
    /// Moves a thing from one time to another; `None` stands for no time.
    pub fn reschedule(&mut self, key: &K, from: Option<Duration>, to: Option<Duration>) {
        if from == to {
            return;
        }
        if let Some(from) = from {
            self.0.remove(&(from, key.clone()));
        }
        if let Some(to) = to {
            self.0.insert((to, key.clone()));
        }
    }

    /// Takes the thing that has been due for the longest time.
    pub fn pop_due(&mut self, now: Duration) -> Option<K> {
        let is_due = self.earliest()? <= now;
        if is_due { self.0.pop_first().map(|(_, key)| key) } else { None }
    }

    /// What is due since this moment at least, the longest first.
    pub fn due(&self, moment: Duration) -> impl Iterator<Item = &K> {
        self.0.iter().take_while(move |(at, _)| *at <= moment).map(|(_, key)| key)
    }

    /// The earliest time.
    #[must_use]
    pub fn earliest(&self) -> Option<Duration> {
        self.0.first().map(|(at, _)| *at)
    }
}
