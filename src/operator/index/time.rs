//! Wall-clock time as the index and the scheduler keep it: compared as integers.
//!
//! Milliseconds where the order of events counts, whole seconds where certificates and statuses have no more.

use std::num::NonZeroU32;

use jiff::Timestamp;

/// Milliseconds since 1970.
pub type Millis = i64;

/// Whole seconds since 1970 of a moment, as certificates and statuses count them.
#[must_use]
pub const fn seconds(at: Millis) -> i64 {
    at.div_euclid(1000)
}

/// The beginning of a second since 1970.
#[must_use]
pub const fn millis(second: i64) -> Millis {
    second.saturating_mul(1000)
}

/// A second since 1970 as it is remembered of many objects: four octets, an optional one is as small as one. Not the first second
/// of 1970, in which nothing here begins or ends. What is before it, or after 2106, is taken for the nearest that there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Second(NonZeroU32);

impl Second {
    /// This second since 1970; none for the first.
    #[must_use]
    pub fn new(second: i64) -> Option<Self> {
        (second != 0).then(|| Self::nearest(second))
    }

    /// The nearest to this second since 1970.
    #[must_use]
    pub fn nearest(second: i64) -> Self {
        let within = u32::try_from(second.max(1)).unwrap_or(u32::MAX);
        Self(NonZeroU32::new(within).unwrap_or(NonZeroU32::MIN))
    }

    /// This moment, if it is one of these seconds.
    #[must_use]
    pub fn exactly(moment: Timestamp) -> Option<Self> {
        Self::new(moment.as_second()).filter(|second| second.timestamp() == Some(moment))
    }

    /// Seconds since 1970.
    #[must_use]
    pub fn get(self) -> i64 {
        self.0.get().into()
    }

    /// Its beginning.
    #[must_use]
    pub fn timestamp(self) -> Option<Timestamp> {
        Timestamp::from_second(self.get()).ok()
    }
}
