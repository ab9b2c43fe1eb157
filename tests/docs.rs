//! Documents: every link has a target, every command is valid, and what they name exists.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what its functions share"
)]

#[path = "docs/commands.rs"]
mod commands;
#[path = "docs/invariants.rs"]
mod invariants;
#[path = "docs/links.rs"]
mod links;
#[path = "docs/named.rs"]
mod named;
#[path = "docs/pages.rs"]
mod pages;
#[path = "docs/reference.rs"]
mod reference;
#[path = "docs/rights.rs"]
mod rights;
#[path = "docs/run.rs"]
mod run;
#[path = "docs/skips.rs"]
mod skips;
#[path = "docs/words.rs"]
mod words;
