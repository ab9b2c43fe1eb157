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

#[path = "../support/dice.rs"]
mod dice;
#[path = "../support/election.rs"]
#[allow(dead_code, reason = "each test program uses a part of it")]
mod election;
#[path = "../support/golang.rs"]
mod golang;
#[path = "../support/ledger.rs"]
mod ledger;
#[cfg(feature = "weakened")]
#[path = "../support/solo.rs"]
#[allow(dead_code, reason = "each test program uses a part of it")]
mod solo;
#[path = "../support/stage.rs"]
#[allow(dead_code, reason = "each test program uses a part of the stage")]
mod stage;
#[path = "../support/tool.rs"]
#[allow(dead_code, reason = "each test program uses a part of it")]
mod tool;

mod chatter;
mod consumer;
mod freeze;
mod gnutls;
mod group;
mod in_process;
mod mount;
#[cfg(feature = "weakened")]
mod mutants;
#[cfg(not(feature = "weakened"))]
mod no_mutants;
mod openssl;
mod process;
mod rotations;
mod stacks;
