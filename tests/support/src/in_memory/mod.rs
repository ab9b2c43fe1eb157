//! The operator over an API server in memory: every call has one cause, and time is the test's.

pub mod api_server;
pub mod harness;
pub mod leases;
pub mod rotation_run;
