//! Plumbing that knows nothing of certificates.

pub mod admin;
pub mod cause;
pub mod client;
pub mod clock;
pub mod clock_check;
mod http;
pub mod leader;
mod lease;
pub mod patience;
pub mod process;
pub mod readiness;
pub mod shutdown;
pub mod skew;
pub mod telemetry;
pub mod watch_pace;
