//! What people see of the operator on a real Kubernetes API server, claim by claim.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what its functions share"
)]

#[path = "../support/stage.rs"]
#[allow(dead_code, reason = "each test program uses a part of the stage")]
mod stage;

#[path = "../support/election.rs"]
mod election;
#[path = "../support/solo.rs"]
#[allow(dead_code, reason = "each test program uses a part of it")]
mod solo;

#[path = "../support/pod.rs"]
mod pod;

mod admin;
mod authority;
mod ban;
mod bundle;
mod bundle_rotation;
mod clock;
mod content;
mod cost;
mod deletions;
mod distrust;
mod events;
mod healing;
mod hearing;
mod issuance;
mod kubectl;
mod outage;
mod ownership;
mod provided;
mod provided_ca;
mod provided_rotation;
mod refusal;
mod reissue;
mod renewal;
mod replicas;
mod rivals;
mod root;
mod secrecy;
mod serving;
mod validation;
mod watched;
mod wedged;
