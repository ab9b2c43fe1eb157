//! The behaviour of the operator that users see, on a real Kubernetes API server.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what its functions share"
)]

mod admin;
mod admission_policy;
mod api_fairness;
mod authority;
mod bundle;
mod bundle_rotation;
mod clock;
mod cost;
mod deletions;
mod distrust;
mod events;
mod hostile_sizes;
mod issuance;
mod kubectl;
mod leaf_content;
mod other_writers;
mod outage;
mod ownership;
mod provided;
mod provided_rotation;
mod refusal;
mod reissue;
mod renewal;
mod repair;
mod replicas;
mod root;
mod secrecy;
mod serving;
mod unwritable;
mod validation;
mod watch_namespaces;
