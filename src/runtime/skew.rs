//! Whether the clock differs from the API server's, judged by the `Date` of its answers. Pure.
//!
//! An answer relates the API server's clock to the monotonic one, so that a step of the wall clock is noticed before the next
//! answer.

use std::fmt;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// The clocks may differ by this many seconds: less than half of what certificates are dated back, since two replicas may
/// err in opposite directions.
const TOLERATED: i64 = 120;
/// Answers count for this long. Of several API servers a single one whose clock is right is enough.
const COUNTED_FOR: Duration = Duration::from_mins(1);
/// Answers that are kept: a few of each API server suffice.
const REMEMBERED: usize = 64;

/// Both clocks, read at once.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// The monotonic clock.
    pub monotonic: Duration,
    /// The wall clock.
    pub wall: Timestamp,
}

/// What the answer to a request says of the API server's clock.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// When the request was sent, by the monotonic clock.
    pub sent: Duration,
    /// When its answer was there, by the monotonic clock.
    pub received: Duration,
    /// Its header `Date`, in whole seconds.
    pub date: Timestamp,
}

/// Why the clock cannot be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockProblem {
    /// No answer has shown the time.
    NoServerTime,
    /// The API server's clock shows another time.
    Differs(Difference),
}

/// What two clocks showed when it was noticed that they differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// This one.
    pub own: Timestamp,
    /// That of the API server.
    pub api_server: Timestamp,
}

impl fmt::Display for ClockProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoServerTime => f.write_str(
                "no answer of the API server has carried the time (header Date) with which the clock of the operator's node is compared; look for a proxy between them that removes the header",
            ),
            Self::Differs(Difference { own, api_server }) => write!(
                f,
                "the clock of the operator's node showed {} when that of the API server showed {}; correct the one that is wrong: see whether its node synchronises its clock (NTP)",
                whole_seconds(*own),
                whole_seconds(*api_server)
            ),
        }
    }
}

/// How far the API server's clock is ahead of the monotonic one: between these, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bounds {
    least: i64,
    most: i64,
}

impl Bounds {
    /// The API server read its clock at some moment of the round trip, and sent the second that had begun.
    fn of(answer: &Answer) -> Self {
        let second = answer.date.as_second();
        Self {
            least: second.saturating_sub(ceil(millis(answer.received))),
            most: second.saturating_add(1).saturating_sub(floor(millis(answer.sent))),
        }
    }

    const fn is_within(self, other: Self) -> bool {
        other.least <= self.least && self.most <= other.most
    }

    /// By how much the wall clock is ahead of the API server's.
    fn skew(self, now: Reading) -> Self {
        let ahead = now.wall.as_millisecond().saturating_sub(millis(now.monotonic));
        Self { least: floor(ahead).saturating_sub(self.most), most: ceil(ahead).saturating_sub(self.least) }
    }

    /// Whether the clocks agree, at whichever moment of the round trip the API server read its own.
    const fn is_tolerated(self) -> bool {
        -TOLERATED <= self.least && self.most <= TOLERATED
    }

    /// The value nearest to zero: what is certain.
    fn certain(self) -> i64 {
        0.clamp(self.least, self.most)
    }
}

#[derive(Clone, Copy, Debug)]
struct KnownAnswer {
    at: Duration,
    bounds: Bounds,
}

/// What the answers of the API servers say of the clock.
#[derive(Debug, Default)]
pub struct Skew {
    answers: Vec<KnownAnswer>,
    noticed: Option<Difference>,
}

impl Skew {
    /// Records an answer.
    pub fn observe_server_time(&mut self, answer: &Answer) {
        let (at, bounds) = (answer.received, Bounds::of(answer));
        // An earlier answer adds nothing to a later one that is more exact.
        self.answers
            .retain(|known| at.saturating_sub(known.at) < COUNTED_FOR && !bounds.is_within(known.bounds));
        if self.answers.len() >= REMEMBERED {
            self.answers.remove(0);
        }
        self.answers.push(KnownAnswer { at, bounds });
    }

    /// Why the clock cannot be relied on now, if so.
    pub fn problem(&mut self, now: Reading) -> Option<ClockProblem> {
        let Some(skew) = self.nearest(now) else { return Some(ClockProblem::NoServerTime) };
        if skew.is_tolerated() {
            self.noticed = None;
            return None;
        }
        let difference = Difference { own: now.wall, api_server: earlier(now.wall, skew.certain()) };
        let is_known = |noticed: &Difference| (noticed.gap() - difference.gap()).abs() <= TOLERATED;
        // The sentence stays the same as long as the difference does.
        let noticed = self.noticed.filter(is_known).unwrap_or(difference);
        self.noticed = Some(noticed);
        Some(ClockProblem::Differs(noticed))
    }

    /// This moment: by the wall clock, or by the API server's where the two differ.
    #[must_use]
    pub fn time(&self, now: Reading) -> Timestamp {
        match self.nearest(now) {
            Some(skew) if !skew.is_tolerated() => earlier(now.wall, skew.certain()),
            _ => now.wall,
        }
    }

    /// By how many seconds the wall clock is ahead of the API server's, as far as that is certain.
    #[must_use]
    pub fn seconds(&self, now: Reading) -> Option<i64> {
        self.nearest(now).map(Bounds::certain)
    }

    /// The skew by the answer that is the most in favour of the clock, of those that count.
    fn nearest(&self, now: Reading) -> Option<Bounds> {
        let latest = self.answers.iter().map(|answer| answer.at).max()?;
        let counts = |answer: &&KnownAnswer| {
            answer.at == latest || now.monotonic.saturating_sub(answer.at) < COUNTED_FOR
        };
        let skews = self.answers.iter().filter(counts).map(|answer| answer.bounds.skew(now));
        skews.min_by_key(|skew| (!skew.is_tolerated(), skew.certain().saturating_abs()))
    }
}

impl Difference {
    fn gap(&self) -> i64 {
        self.own.as_second().saturating_sub(self.api_server.as_second())
    }
}

fn earlier(time: Timestamp, seconds: i64) -> Timestamp {
    time.checked_sub(SignedDuration::from_secs(seconds)).unwrap_or(time)
}

fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// Milliseconds as seconds.
const fn floor(millis: i64) -> i64 {
    millis.div_euclid(1000)
}

const fn ceil(millis: i64) -> i64 {
    -floor(-millis)
}
