//! The chart renders what it promises, installs by real helm on a real API server, and takes nothing with it when it
//! goes.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what its functions share"
)]

mod admission;
mod examples;
mod granted;
mod lifecycle;
mod openshift;
mod plain;
mod readme;
mod rendering;
mod rights;
