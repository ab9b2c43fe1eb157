//! When a server is looked at again: soon while something is on its way, rarely once it is as it should be, ever less
//! often while it cannot be reached.

use std::time::Duration;

use jiff::Timestamp;

use super::observation::{Observation, ObservedServer, distrusts, holds_up, leaves_open};
use super::verdict::Expected;
use crate::plan::spread::slot;

/// How often a server is looked at that nothing is expected of.
const LOOK_EVERY: Duration = Duration::from_mins(5);
/// How long what was seen counts for a rotation. Longer than two looks are apart.
pub const FRESH_FOR: Duration = Duration::from_mins(10);
/// A server that cannot be reached is tried again after this long, then twice as long, and so on.
const FIRST_RETRY: Duration = Duration::from_secs(5);
/// A server on which something is on its way is looked at this often at most and at least.
const CHANGING_INTERVAL: [Duration; 2] = [Duration::from_secs(1), Duration::from_mins(1)];
/// Whatever changes, a server is left alone for this long.
const MIN_INTERVAL: Duration = Duration::from_secs(1);

/// The last look at a server, and what the server showed when it was last met.
#[derive(Clone, Debug)]
pub struct ProbeRecord {
    /// What it has shown.
    pub sighting: Observation,
    /// When, by the wall clock.
    pub at: Timestamp,
    /// When, by the monotonic clock.
    pub monotonic: Duration,
    /// Looks in a row, this one included, that have met nobody.
    pub failures: u32,
    /// What the server should have been like.
    pub expected: Expected,
    /// What the server has shown that nothing seen since has refuted, and when, by the monotonic clock.
    pub shown: Option<(ObservedServer, Duration)>,
}

impl ProbeRecord {
    /// The first look at a server.
    #[must_use]
    pub fn new(sighting: Observation, at: Timestamp, monotonic: Duration, expected: Expected) -> Self {
        let shown = match &sighting {
            Observation::Met(meeting) => Some((meeting.clone(), monotonic)),
            Observation::Unreachable | Observation::NoTls => None,
        };
        Self { sighting, at, monotonic, failures: u32::from(shown.is_none()), expected, shown }
    }

    /// The same look, at a server that was looked at before. A look that fails refutes nothing: a rotation would go on
    /// as soon as one connection to a server that holds it up is lost.
    #[must_use]
    pub fn after(self, before: &Self) -> Self {
        let failures = if self.failures == 0 { 0 } else { before.failures.saturating_add(1) };
        let is_open = |earlier: &ObservedServer| {
            self.shown.as_ref().is_none_or(|(later, _)| leaves_open(later, earlier))
        };
        let kept = before.shown.as_ref().filter(|(earlier, _)| is_open(earlier)).cloned();
        Self { failures, shown: kept.or(self.shown), ..self }
    }

    /// Whether the server holds a switch to this root up, by what it has shown within ten minutes.
    #[must_use]
    pub fn holds_up(&self, root: &str, now: Duration) -> bool {
        let is_fresh = |at: Duration| now.saturating_sub(at) <= FRESH_FOR;
        self.shown.as_ref().is_some_and(|(meeting, at)| is_fresh(*at) && holds_up(meeting, root))
    }
}

/// When a server is due for another look, by the monotonic clock.
#[must_use]
pub fn due(address: &str, last: &ProbeRecord, expected: &Expected) -> Duration {
    let is_news = last.expected.serial != expected.serial || root(&last.expected) != root(expected);
    last.monotonic.saturating_add(if is_news { MIN_INTERVAL } else { pause(address, last, expected) })
}

fn root(expected: &Expected) -> Option<&str> {
    expected.next.as_ref().map(|next| next.fingerprint.as_str())
}

fn pause(address: &str, last: &ProbeRecord, expected: &Expected) -> Duration {
    let [shortest, longest] = CHANGING_INTERVAL;
    match &last.sighting {
        Observation::Unreachable | Observation::NoTls => {
            let doublings = last.failures.saturating_sub(1).min(16);
            jittered(address, FIRST_RETRY.saturating_mul(1 << doublings).min(LOOK_EVERY))
        }
        Observation::Met(_) if is_moving(last, expected) => {
            (expected.propagation.unsigned_abs() / 4).clamp(shortest, longest)
        }
        Observation::Met(_) => jittered(address, LOOK_EVERY),
    }
}

/// Whether a change is on its way to a server, or a rotation waits for it.
fn is_moving(last: &ProbeRecord, expected: &Expected) -> bool {
    let Observation::Met(meeting) = &last.sighting else { return false };
    let is_old = meeting.leaf.as_ref().is_some_and(|leaf| leaf.serial != expected.serial);
    let has_time = last.at.duration_since(expected.issued_at) < expected.propagation;
    (is_old && has_time) || root(expected).is_some_and(|root| distrusts(meeting, root))
}

/// A tenth less at most, the same for the same address, so that what began together is not looked at together for ever.
fn jittered(address: &str, span: Duration) -> Duration {
    span.saturating_sub(span / 10 * u32::from(slot(address)) / 65_536)
}
