//! May the next root sign? Observes which Secrets, bundles and endpoints do not have the announced root yet.
//!
//! The index observes, a fresh list confirms: `gate` is the one place that says that nothing is behind, or what is.

pub mod blockers;
mod bundles;
pub mod confirmation;
pub mod exclusions;
pub mod fresh_list;
pub mod gate;
pub mod listed_names;
pub mod quiet_period;
mod unindexed;
