//! The documents do what they say: their commands are run as they stand there, on a real API server with the chart
//! installed by helm.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what its functions share"
)]

mod compromise;
mod fixture;
mod held_up;
mod installation;
mod looking;
mod lost_root;
mod migrations;
mod provided_ca;
mod releasing;
mod rotation;
mod workloads;
