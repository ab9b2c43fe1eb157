//! Claim: in a rotation of the root no handshake fails, whoever talks to whom, with whatever TLS, and however late each
//! has loaded what lies in its Secret; also when the leader is frozen meanwhile. On a real API server, in real time, with
//! authorities whose times are short. With `MTLS_PROOF=1` three rotations follow each other, and everybody must have talked
//! to everybody in each of their phases.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what its functions share"
)]

#[path = "../support/cluster.rs"]
#[allow(dead_code, reason = "each test program uses a part of the cluster")]
mod cluster;
#[path = "../support/election.rs"]
#[allow(dead_code, reason = "each test program uses a part of it")]
mod election;
#[path = "../support/golang.rs"]
mod golang;
#[cfg(feature = "weakened")]
#[path = "../support/in_process.rs"]
#[allow(dead_code, reason = "each test program uses a part of it")]
mod in_process;
#[path = "../support/rng.rs"]
mod rng;
#[path = "../support/root_writes.rs"]
mod root_writes;
#[path = "../support/tool.rs"]
#[allow(dead_code, reason = "each test program uses a part of it")]
mod tool;

mod consumer;
mod consumers;
mod frozen_leader;
mod gnutls;
mod mount;
#[cfg(feature = "weakened")]
mod mutants;
mod openssl;
mod pairwise;
mod process;
mod rotations;
mod rustls_consumer;
mod stacks;
