//! Wall-clock time as the index and the scheduler keep it: eight bytes, compared as integers.
//!
//! Milliseconds where the order of events counts, whole seconds where certificates and statuses have no more.

use std::num::NonZeroI64;

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

/// A second since 1970 as it is remembered of many objects: an optional one is as small as one. Not the first second of 1970,
/// in which nothing here begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Second(NonZeroI64);

impl Second {
    /// This second since 1970; none for the first.
    #[must_use]
    pub const fn new(second: i64) -> Option<Self> {
        match NonZeroI64::new(second) {
            Some(second) => Some(Self(second)),
            None => None,
        }
    }

    /// Seconds since 1970.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0.get()
    }
}
