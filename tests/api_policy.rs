//! The contract of `docs/api-policy.md`: how the API may change, and what goes on while two versions meet.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what its functions share"
)]

#[path = "api_policy/argo_cd.rs"]
mod argo_cd;
#[path = "runbooks/book.rs"]
#[allow(dead_code, reason = "each test program uses a part of it")]
mod book;
#[path = "api_policy/contract.rs"]
mod contract;
#[path = "api_policy/cost.rs"]
mod cost;
#[path = "api_policy/emergency.rs"]
mod emergency;
#[path = "api_policy/golden.rs"]
mod golden;
#[path = "chart/helm.rs"]
#[allow(dead_code, reason = "each test program uses a part of it")]
mod helm;
#[path = "api_policy/judges.rs"]
mod judges;
#[path = "api_policy/kstatus.rs"]
mod kstatus;
#[path = "runbooks/place.rs"]
mod place;
#[path = "cluster/provided_ca.rs"]
#[allow(dead_code, reason = "each test program uses a part of it")]
mod provided_ca;
#[path = "api_policy/schema.rs"]
mod schema;
#[path = "api_policy/skew.rs"]
mod skew;
#[path = "support/tool.rs"]
#[allow(dead_code, reason = "each test program uses a part of it")]
mod tool;
#[path = "api_policy/upgrading.rs"]
mod upgrading;
