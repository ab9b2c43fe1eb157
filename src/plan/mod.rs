//! Decisions, pure and total: no clock, no randomness, no IO. Every function here is a law that a test can state.

pub mod authority;
pub mod identity;
pub mod probe;
pub mod selector;
pub mod spread;
pub mod trust_bundle;
pub mod unread_spec;
