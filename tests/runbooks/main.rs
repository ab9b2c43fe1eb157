//! docs/runbooks.md does what it says: its commands are run as they stand there, on a real API server with the chart
//! cluster by helm.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what its functions share"
)]

mod migrations;
