//! The admission policies of the chart, evaluated by the API server's own library: they judge as the operator does, and let
//! through whatever it writes.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what its functions share"
)]

#[path = "admission/grants.rs"]
mod grants;
#[path = "chart/helm.rs"]
#[allow(dead_code, reason = "each test program uses a part of it")]
mod helm;
#[path = "api_policy/judges.rs"]
mod judges;
#[path = "admission/policy.rs"]
mod policy;
#[path = "support/rng.rs"]
mod rng;
#[path = "admission/status.rs"]
mod status;
#[path = "support/tool.rs"]
#[allow(dead_code, reason = "each test program uses a part of it")]
mod tool;
#[path = "admission/writes.rs"]
mod writes;
