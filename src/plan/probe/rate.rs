//! How many probes run at once and begin in a round: as many as let every endpoint have its turn in time, within bounds.
//!
//! An observation counts for a rotation for ten minutes ([`FRESH_FOR`](super::schedule::FRESH_FOR)): in less than that every
//! endpoint is probed again, whether its servers answer at once, or not at all.

use std::time::Duration;

/// The shortest interval of rounds.
pub const ROUND: Duration = Duration::from_millis(200);
/// Probes at once, at least and at most. Each has one connection at a time; a process may have 1,024 files open by default, and
/// a connection takes some ten kilobytes.
const AT_ONCE: [usize; 2] = [32, 256];
/// Probes that begin in a round, at least and at most: from 50 a second to 100, which is 400 handshakes.
const A_ROUND: [usize; 2] = [10, 20];
/// Endpoints for each probe at once. One that never answers takes five seconds: all have their turn in 400.
const ENDPOINTS_AT_ONCE: usize = 80;
/// Endpoints for each probe that begins in a round: all have their turn in 240 seconds.
const ENDPOINTS_A_ROUND: usize = 1200;

/// Bounds of the probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbeRate {
    /// How many run at once.
    pub at_once: usize,
    /// How many begin in a round.
    pub a_round: usize,
}

impl ProbeRate {
    /// The highest.
    pub const MAX: Self = Self { at_once: AT_ONCE[1], a_round: A_ROUND[1] };

    /// For so many endpoints.
    #[must_use]
    pub fn for_endpoints(endpoints: usize) -> Self {
        let [least_at_once, most_at_once] = AT_ONCE;
        let [least_a_round, most_a_round] = A_ROUND;
        Self {
            at_once: endpoints.div_ceil(ENDPOINTS_AT_ONCE).clamp(least_at_once, most_at_once),
            a_round: endpoints.div_ceil(ENDPOINTS_A_ROUND).clamp(least_a_round, most_a_round),
        }
    }
}
