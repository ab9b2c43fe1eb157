//! Decisions, pure and total: no clock, no randomness, no IO. Every function here is a law that a test can state.

pub mod alarm;
pub mod asked;
pub mod bundle;
pub mod course;
pub mod decide;
pub mod evidence;
pub mod lookout;
pub mod outcome;
pub mod pace;
pub mod policy;
pub mod profile;
pub mod published;
pub mod renewal;
pub mod root;
mod root_reason;
pub mod rotation;
pub mod safeguards;
pub mod selector;
pub mod serving;
mod serving_reason;
pub mod sight;
pub mod sighting;
pub mod spread;
pub mod stored_root;
pub mod terms;
pub mod unread;
pub mod world;
