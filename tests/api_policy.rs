//! The contract of `docs/api-policy.md`: how the API may change, and what goes on while two versions meet.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what its functions share"
)]

#[path = "api_policy/argo_cd.rs"]
mod argo_cd;
#[path = "api_policy/compromise.rs"]
mod compromise;
#[path = "api_policy/contract.rs"]
mod contract;
#[path = "api_policy/cost.rs"]
mod cost;
#[path = "api_policy/golden.rs"]
mod golden;
#[path = "api_policy/kstatus.rs"]
mod kstatus;
#[path = "api_policy/schema.rs"]
mod schema;
#[path = "api_policy/skew.rs"]
mod skew;
#[path = "api_policy/upgrading.rs"]
mod upgrading;
