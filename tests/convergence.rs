//! Small worlds: each settles in two steps, and stays settled until time or a person changes it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what its functions share"
)]

#[path = "convergence/changes.rs"]
mod changes;
#[path = "convergence/long_run.rs"]
mod long_run;
#[path = "convergence/model.rs"]
mod model;
#[path = "convergence/objects/mod.rs"]
mod objects;
#[path = "convergence/requeue.rs"]
mod requeue;
#[path = "convergence/settling.rs"]
mod settling;
#[path = "convergence/worlds.rs"]
mod worlds;
