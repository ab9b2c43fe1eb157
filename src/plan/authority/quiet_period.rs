//! For how long no Secret or bundle was observed to be behind the roots in force.
//!
//! Counted by the monotonic clock of one process, from the last observation of one that is behind; each process starts at zero.

use std::time::Duration;

use jiff::SignedDuration;

/// What the leader has observed of the distribution, by its own monotonic clock and since it became leader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Distribution {
    /// For how long no counted Secret or bundle was behind: without one of the roots in force, or with an unexpired leaf of
    /// a retiring root. `None` while one is behind.
    pub quiet_for: Option<SignedDuration>,
}

/// Since when none was observed to be behind. Nothing is known before the first observation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct QuietPeriod {
    since: Option<Duration>,
}

impl QuietPeriod {
    /// After an observation: whether one is behind now, and whether one was since the last observation.
    #[must_use]
    pub const fn observed(self, is_behind: bool, was_behind: bool, now: Duration) -> Self {
        let since = match self.since {
            _ if is_behind => None,
            Some(since) if !was_behind => Some(since),
            _ => Some(now),
        };
        Self { since }
    }

    /// The distribution that follows from it.
    #[must_use]
    pub fn distribution(self, now: Duration) -> Distribution {
        let span = self.since.map(|since| now.saturating_sub(since));
        Distribution { quiet_for: span.and_then(|span| SignedDuration::try_from(span).ok()) }
    }
}
