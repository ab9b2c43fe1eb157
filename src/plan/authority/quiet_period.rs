//! For how long nobody was seen behind: counted by the monotonic clock of one process, from the last moment somebody was
//! seen behind, and anew with every process.

use std::time::Duration;

use jiff::SignedDuration;

/// What the leader has seen of the distribution, by its own monotonic clock and since it began to look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Distribution {
    /// For how long no counted Secret or bundle has been seen behind: without one of the roots in force, or with an
    /// unexpired leaf of a retiring root. `None` while one is.
    pub quiet_for: Option<SignedDuration>,
}

/// Since when nobody was seen behind. At first nobody was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct QuietPeriod {
    since: Option<Duration>,
}

impl QuietPeriod {
    /// After a look: whether somebody is behind now, and whether somebody was since the last look.
    #[must_use]
    pub const fn look(self, is_behind: bool, was_behind: bool, now: Duration) -> Self {
        let since = match self.since {
            _ if is_behind => None,
            Some(since) if !was_behind => Some(since),
            _ => Some(now),
        };
        Self { since }
    }

    /// What this amounts to.
    #[must_use]
    pub fn sight(self, now: Duration) -> Distribution {
        let span = self.since.map(|since| now.saturating_sub(since));
        Distribution { quiet_for: span.and_then(|span| SignedDuration::try_from(span).ok()) }
    }
}
