//! Wall-clock time as the index and the scheduler keep it: eight bytes, compared as integers.
//!
//! Milliseconds where the order of events counts, whole seconds where certificates and statuses have no more.

/// Milliseconds since 1970.
pub type Millis = i64;

/// Whole seconds since 1970, as certificates and statuses count them.
#[must_use]
pub const fn seconds(at: Millis) -> i64 {
    at.div_euclid(1000)
}

/// The beginning of a whole second since 1970.
#[must_use]
pub const fn millis(second: i64) -> Millis {
    second.saturating_mul(1000)
}
