//! Claim: a rotation of the root ends alike whatever write the operator is killed at, whichever change of the root is on
//! its way while the leader is frozen past its lease, and whatever storm rages between it and the API server. On a real
//! API server, with the operator in the test's own process and the test's clock, so that a rotation takes no time. With
//! `MTLS_PROOF=1` it is killed at every write, and there are fifty storms; without, at every fifth, and there are four.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what its functions share"
)]

#[path = "../support/cut.rs"]
mod cut;
#[path = "../support/dice.rs"]
mod dice;
#[path = "../support/ledger.rs"]
mod ledger;
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
mod flow;
mod frozen;
mod held;
mod history;
mod life;
mod mesh;
mod storm;
mod storms;
mod teeth;
mod verdict;
mod wire;
