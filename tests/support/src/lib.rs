//! What several test programs share, compiled once.
//!
//! Five nouns are enough: a cluster ([`cluster::TestCluster`]), a namespace ([`namespace::TestNamespace`]), an operator
//! ([`in_process::InProcessOperator`]), a peer ([`pod::Pod`], [`tools`]) and a fault ([`in_memory::api_server::Fault`]).
//! Nothing that is shipped depends on this crate.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::missing_errors_doc,
    reason = "a test fails by panicking, also in what it shares with others"
)]
#![allow(
    clippy::must_use_candidate,
    clippy::return_self_not_must_use,
    reason = "nothing here is a library for others"
)]

pub mod ca;
pub mod chart;
pub mod cluster;
pub mod consumer_cache;
pub mod cut;
pub mod election;
pub mod in_memory;
pub mod in_process;
pub mod installation;
pub mod log;
pub mod markdown;
pub mod namespace;
pub mod objects;
pub mod pod;
pub mod properties;
pub mod reporter;
pub mod rng;
pub mod root_writes;
pub mod shell;
pub mod tools;
pub mod wait;

/// Why a step failed, of programs that say so instead of panicking.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The repository.
pub const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
