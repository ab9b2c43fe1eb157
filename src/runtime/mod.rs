//! Plumbing that knows nothing of certificates.

pub mod admin;
pub mod client;
pub mod clock;
pub mod clock_check;
pub mod error_chain;
mod http;
pub mod leader;
mod lease;
pub mod open_files;
pub mod process_metrics;
pub mod readiness;
pub mod response_timeout;
pub mod retry_after;
pub mod shared;
pub mod shutdown;
pub mod skew;
pub mod telemetry;
pub mod watch_throttle;
