//! What the renewals that wait need of the workers: more the nearer their end is.
//!
//! A renewal that can be made before its end is: what it needs is computed from how long renewals take, not guessed.

use super::share::PARTS;
use crate::operator::index::time::{Millis, millis};

/// A renewal with less time than this to the end of its leaf waits for no limit: one request may take as long.
const NEAR: Millis = 30_000;

/// The renewals that wait.
#[derive(Clone, Copy, Debug)]
pub struct Demand {
    /// How many.
    pub waiting: usize,
    /// The second since 1970 at which the first of their leaves ends.
    pub end: Option<i64>,
    /// So many workers there are.
    pub most: usize,
}

impl Demand {
    /// How many workers are needed to be done with all of them in half of the time that is left to the first end, where each
    /// takes so long. Half: what comes meanwhile has a place, and a mean is no promise.
    #[must_use]
    pub fn workers(&self, takes: Millis, now: Millis) -> usize {
        let Some(end) = self.end else { return 0 };
        let left = millis(end).saturating_sub(now);
        if left <= NEAR {
            return self.most;
        }
        let waiting = i64::try_from(self.waiting).unwrap_or(i64::MAX);
        let work = waiting.saturating_mul(takes).saturating_mul(2);
        let needed = work.saturating_add(left - 1) / left;
        usize::try_from(needed).unwrap_or(usize::MAX).min(self.most)
    }

    /// Their share of the turns beside new identities, in eighths: at least one, at most seven, and in between that of the
    /// workers which they need.
    #[must_use]
    pub fn eighths(&self, takes: Millis, now: Millis) -> usize {
        (self.workers(takes, now) * PARTS).div_ceil(self.most.max(1)).clamp(1, PARTS - 1)
    }
}
