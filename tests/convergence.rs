//! Every small world comes to rest in two steps, and stays there until time or a person changes it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what its functions share"
)]

#[path = "support/properties.rs"]
mod properties;

#[path = "convergence/model.rs"]
mod model;
#[path = "convergence/rest.rs"]
mod rest;
#[path = "convergence/worlds.rs"]
mod worlds;
#[path = "convergence/years.rs"]
mod years;
