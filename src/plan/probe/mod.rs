//! Decisions on live probes: what was observed of a server, what it means, and when it is probed again.
//!
//! They depend on nothing but their arguments: the same observations give the same verdict and the same due time.

pub mod observation;
pub mod rate;
pub mod reason;
pub mod schedule;
pub mod verdict;
