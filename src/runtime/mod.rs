//! Plumbing that knows nothing of certificates.

pub mod admin;
pub mod clock;
pub mod leader;
pub mod process;
pub mod readiness;
pub mod shutdown;
pub mod telemetry;
