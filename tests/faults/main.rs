//! Claim: a rotation of the root ends alike whatever write the operator is killed at, whichever change of the root is on
//! its way while the leader is frozen past its lease, and whatever storm rages between it and the API server. On a real
//! API server, with the operator in the test's own process and the test's clock, so that a rotation takes no time. With
//! `MTLS_PROOF=1` it is killed at every write, and there are fifty storms; without, at every fifth, and there are four.
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
