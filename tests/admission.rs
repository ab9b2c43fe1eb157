//! The admission policies of the chart, evaluated by the API server's own library: they judge as the operator does, and admit
//! every write of the operator.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what its functions share"
)]

#[path = "admission/grants.rs"]
mod grants;
#[path = "admission/policy.rs"]
mod policy;
#[path = "admission/status.rs"]
mod status;
#[path = "admission/writes.rs"]
mod writes;
