//! Decisions on live probes: what was observed of a server, what it means, and when it is probed again.

pub mod observation;
pub mod reason;
pub mod schedule;
pub mod verdict;
