//! Claim: a rotation of the root ends alike whatever write the operator is killed at. On a real API server, with the
//! operator in the test's own process and the test's clock, so that a rotation takes no time. With `MTLS_PROOF=1` at
//! every write; without, at every fifth.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what its functions share"
)]

#[path = "../support/memory.rs"]
#[allow(dead_code, reason = "each test program uses a part of it")]
mod memory;
#[path = "../support/solo.rs"]
#[allow(dead_code, reason = "each test program uses a part of it")]
mod solo;
#[path = "../support/stage.rs"]
#[allow(dead_code, reason = "each test program uses a part of the stage")]
mod stage;

mod crash;
mod life;
mod mesh;
mod wire;
