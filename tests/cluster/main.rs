//! What people see of the operator on a real Kubernetes API server, claim by claim.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what its functions share"
)]

#[path = "../support/cluster.rs"]
#[allow(dead_code, reason = "each test program uses a part of the cluster")]
mod cluster;

#[path = "../support/election.rs"]
mod election;
#[path = "../support/in_process.rs"]
#[allow(dead_code, reason = "each test program uses a part of it")]
mod in_process;

#[path = "../support/pod.rs"]
mod pod;

mod admin;
mod admission_policy;
mod authority;
mod bundle;
mod bundle_rotation;
mod clock;
mod cost;
mod deletions;
mod distrust;
mod dry_run;
mod events;
mod issuance;
mod leaf_content;
mod other_writers;
mod outage;
mod ownership;
mod provided;
mod provided_ca;
mod refusal;
mod reissue;
mod renewal;
mod repair;
mod replicas;
mod root;
mod serving;
mod unwritable;
mod validation;
mod watch_namespaces;
