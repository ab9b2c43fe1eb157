//! Domain-free plumbing.
pub mod clock;
pub mod leader;
pub mod readiness;
pub mod shutdown;
