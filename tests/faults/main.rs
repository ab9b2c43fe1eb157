//! Claim: a rotation of the root ends alike whatever write the operator is killed at, whichever change of the root is on
//! its way while the leader is frozen past its lease, and whatever random faults the API server has. On a real
//! API server, with the operator in the test's own process and the test's clock, so that a rotation takes no time. With
//! `MTLS_PROOF=1` it is killed at every write, and fifty rotations have random faults; without, at every fifth, and four
//! have.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what its functions share"
)]

mod chaos;
mod chaos_rotations;
mod crash;
mod delayed_write;
mod end_state;
mod fault_proxy;
mod frozen_leader;
mod history;
mod invariants;
mod operator_process;
mod oracle_mutants;
mod rotation_run;
mod watch_stream;
