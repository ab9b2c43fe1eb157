//! Time in ticks, counted from the present moment. `propagation` is three of them, so that each of the parts of it that
//! the protocol knows is a whole number.

use jiff::{SignedDuration, Timestamp};

/// A span or a moment, in ticks.
pub type Ticks = i8;

/// Later than anything that a run reaches.
pub const FAR: Ticks = Ticks::MAX;
/// `rotation.propagation`.
pub const PROPAGATION: Ticks = 3;
/// F: how old a replica's view of the root may be when it signs. A third of `propagation`.
pub const FRESHNESS: Ticks = 1;
/// W: how long the write of a leaf may live. A third of `propagation`.
pub const WRITE: Ticks = 1;
/// S: by how much clocks may differ. As long as `propagation`.
pub const SKEW: Ticks = 3;
/// How long a write of the root Secret may live.
pub const ROOT_WRITE: Ticks = 3;
/// Lifetime of leaves in most scopes. An authority has none below three times `propagation`, as its definition demands; an
/// identity may ask for one. A state remembers the age of each leaf, so that scopes with [`PLAIN_LEAF`] have nearly five
/// times as many states.
pub const LEAF: Ticks = 4;
/// The shortest lifetime of leaves that an authority may have.
pub const PLAIN_LEAF: Ticks = 9;
/// Lifetime of leaves after people have asked for a longer one.
pub const LONGER_LEAF: Ticks = 12;

const TICK: i64 = 10;
/// The present moment, whichever it is: decisions depend on spans only.
const NOW: Timestamp = Timestamp::constant(1_780_000_000, 0);
const YEARS: SignedDuration = SignedDuration::from_hours(24 * 3650);

/// A span.
#[must_use]
pub fn span(ticks: Ticks) -> SignedDuration {
    if ticks == FAR { YEARS } else { SignedDuration::from_secs(i64::from(ticks) * TICK) }
}

/// A moment.
#[must_use]
pub fn at(ticks: Ticks) -> Timestamp {
    NOW + span(ticks)
}

/// The first tick that is no earlier than this moment.
#[must_use]
pub fn ticks(moment: Timestamp) -> Ticks {
    let seconds = moment.as_second() - NOW.as_second();
    Ticks::try_from(-(-seconds).div_euclid(TICK)).unwrap_or(FAR)
}

/// A moment, one tick later; never earlier than `floor`.
#[must_use]
pub fn later(moment: Ticks, floor: Ticks) -> Ticks {
    if moment == FAR { FAR } else { (moment - 1).max(floor) }
}

/// A span, in whole ticks, as far as a wait is concerned.
#[must_use]
pub fn ticks_of(span: SignedDuration) -> Ticks {
    Ticks::try_from(span.as_secs() / TICK).unwrap_or(FAR).min(PROPAGATION)
}
