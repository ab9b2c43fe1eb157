//! Tests of the chart: it renders what it promises, installs by real helm on a real API server, and removes nothing of users
//! when it is uninstalled.

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
