//! When a server is probed again: soon while a change is on its way, rarely once the server is as expected, less and less
//! often while it cannot be reached.
//!
//! A due time depends only on the record and on what is expected now. The jitter is part of the record, so that computing
//! a due time hashes nothing.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::SocketAddr;
use std::time::Duration;

use jiff::Timestamp;

use super::observation::{Observation, ObservedServer, blocks_switch, distrusts, leaves_undecided};
use super::verdict::Expected;
use crate::plan::spread::slot;

/// How often a server is probed where no change is expected.
pub const INTERVAL: Duration = Duration::from_mins(5);
/// How long an observation counts for a rotation: twice the interval, so that one failed probe does not end it.
pub const FRESH_FOR: Duration = Duration::from_mins(10);
/// A server that cannot be reached is probed again after this long, then after twice as long, up to the interval.
const FIRST_RETRY: Duration = Duration::from_secs(5);
/// Shortest and longest interval of a server while a change is on its way.
const CHANGING_INTERVAL: [Duration; 2] = [Duration::from_secs(1), Duration::from_mins(1)];
/// Whatever changes, two probes of a server are this far apart.
const MIN_INTERVAL: Duration = Duration::from_secs(1);

/// The observation of a server that no later one has refuted.
#[derive(Clone, Debug)]
pub enum Unrefuted {
    /// There is none.
    Nothing,
    /// That of the last probe.
    Last,
    /// An earlier one, and when, by the monotonic clock.
    Earlier(Box<(ObservedServer, Duration)>),
}

/// The last probe of a server, and the last conclusive observation of it.
#[derive(Clone, Debug)]
pub struct ProbeRecord {
    /// What the probe observed.
    pub observation: Observation,
    /// When, by the wall clock.
    pub at: Timestamp,
    /// When, by the monotonic clock.
    pub monotonic: Duration,
    /// Probes in a row, this one included, to which no TLS server answered.
    pub failures: u32,
    /// Stands for the leaf and the next root that the server was expected to have, 64 bits of them.
    pub terms: u64,
    /// The observation that none since has refuted.
    pub unrefuted: Unrefuted,
    /// Share of a tenth by which intervals are shorter, as a fraction of 65,536: derived from the address, so that servers
    /// first probed together do not stay together.
    pub jitter: u16,
}

impl ProbeRecord {
    /// The record of the first probe of the server at an address.
    #[must_use]
    pub fn new(
        address: SocketAddr,
        observation: Observation,
        at: Timestamp,
        monotonic: Duration,
        expected: &Expected,
    ) -> Self {
        let (failures, unrefuted) = match &observation {
            Observation::Server(_) => (0, Unrefuted::Last),
            Observation::Unreachable | Observation::NoTls => (1, Unrefuted::Nothing),
        };
        let (terms, jitter) = (terms(expected), slot(&address.to_string()));
        Self { observation, at, monotonic, failures, terms, unrefuted, jitter }
    }

    /// The same record for a server that was probed before. A failed probe refutes nothing: otherwise a rotation would go
    /// on as soon as one connection to a server that blocks it is lost.
    #[must_use]
    pub fn after(self, before: &Self) -> Self {
        let failures = if self.failures == 0 { 0 } else { before.failures.saturating_add(1) };
        let is_undecided = |earlier: &ObservedServer| {
            self.unrefuted().is_none_or(|(later, _)| leaves_undecided(later, earlier))
        };
        let kept = before.unrefuted().filter(|(earlier, _)| is_undecided(earlier));
        let kept = kept.map(|(earlier, at)| Unrefuted::Earlier(Box::new((earlier.clone(), at))));
        Self { failures, unrefuted: kept.unwrap_or(self.unrefuted), ..self }
    }

    /// The server as an observation showed it that none since has refuted, and when, by the monotonic clock.
    fn unrefuted(&self) -> Option<(&ObservedServer, Duration)> {
        match (&self.unrefuted, &self.observation) {
            (Unrefuted::Earlier(earlier), _) => Some((&earlier.0, earlier.1)),
            (Unrefuted::Last, Observation::Server(server)) => Some((server, self.monotonic)),
            _ => None,
        }
    }

    /// Whether the server blocks the switch to a root, by what was observed within [`FRESH_FOR`].
    #[must_use]
    pub fn blocks_switch(&self, root: &str, now: Duration) -> bool {
        let is_fresh = |at: Duration| now.saturating_sub(at) <= FRESH_FOR;
        self.unrefuted().is_some_and(|(server, at)| is_fresh(at) && blocks_switch(server, root))
    }

    /// Whether the server blocks the switch to a root as the last probe observed it, however long ago that was.
    #[must_use]
    pub fn would_block_switch(&self, root: &str) -> bool {
        match (&self.unrefuted, &self.observation) {
            (Unrefuted::Last, Observation::Server(server)) => blocks_switch(server, root),
            _ => false,
        }
    }

    /// When the server is due for its next probe, by the monotonic clock.
    #[must_use]
    pub fn due(&self, expected: &Expected) -> Duration {
        let has_changed = self.terms != terms(expected);
        let interval = if has_changed { MIN_INTERVAL } else { self.interval(expected) };
        self.monotonic.saturating_add(interval)
    }

    fn interval(&self, expected: &Expected) -> Duration {
        let [shortest, longest] = CHANGING_INTERVAL;
        match &self.observation {
            Observation::Unreachable | Observation::NoTls => {
                let doublings = self.failures.saturating_sub(1).min(16);
                self.jittered(FIRST_RETRY.saturating_mul(1 << doublings).min(INTERVAL))
            }
            Observation::Server(server) if self.is_changing(server, expected) => {
                (expected.propagation.unsigned_abs() / 4).clamp(shortest, longest)
            }
            Observation::Server(_) => self.jittered(INTERVAL),
        }
    }

    /// Whether a change is on its way to the server, or a rotation waits for it.
    fn is_changing(&self, server: &ObservedServer, expected: &Expected) -> bool {
        let is_old = server.leaf.as_ref().is_some_and(|leaf| leaf.serial != expected.serial);
        let has_time = self.at.duration_since(expected.issued_at) < expected.propagation;
        (is_old && has_time) || root(expected).is_some_and(|root| distrusts(server, root))
    }

    /// Up to a tenth less.
    fn jittered(&self, interval: Duration) -> Duration {
        interval.saturating_sub(interval / 10 * u32::from(self.jitter) / 65_536)
    }
}

/// 64 bits that stand for the leaf and the next root that a server is expected to have.
fn terms(expected: &Expected) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&expected.serial, root(expected)).hash(&mut hasher);
    hasher.finish()
}

fn root(expected: &Expected) -> Option<&str> {
    expected.next.as_ref().map(|next| next.fingerprint.as_str())
}
