//! Claim: in a rotation of the root no handshake fails, between any two consumers, with any TLS implementation, and however
//! late each has loaded its Secret; also when the leader is frozen meanwhile. On a real API server, in real time, with
//! authorities whose times are short. With `MTLS_PROOF=1` three rotations follow each other, and every pair of consumers must
//! have tried a handshake in each of their phases.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what its functions share"
)]

mod consumer;
mod consumers;
mod frozen_leader;
mod gnutls;
mod mount;
#[cfg(feature = "weakened")]
mod mutants;
#[cfg(not(feature = "weakened"))]
mod no_mutants;
mod openssl;
mod pairwise;
mod process;
mod rotations;
mod rustls_consumer;
mod stacks;
