//! docs/runbooks.md does what it says: its commands are run as they stand there, on a real API server with the chart
//! installed by helm.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what its functions share"
)]

#[path = "../chart/helm.rs"]
#[allow(dead_code, reason = "each test program uses a part of it")]
mod helm;
#[path = "../support/tool.rs"]
mod tool;

mod markdown;
mod migrations;
mod shell;
