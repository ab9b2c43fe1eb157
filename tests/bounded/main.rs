//! The operator as a process under a limit of memory, among as many and as large objects as users can make.
//!
//! The program is the one that tests start, which is larger than what is shipped. Root is needed, and control groups.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what its functions share"
)]
#![allow(clippy::print_stdout, reason = "what was measured is printed")]

mod api;
mod control_group;
mod large_objects;
mod many_objects;
mod namespaces;
mod operator;
mod world;
