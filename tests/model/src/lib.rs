//! A model of a root's rotation, explored exhaustively. The world around the operator is abstract: certificates without
//! cryptography, Secrets without bytes, time in ticks. What the operator decides in it is not modelled but asked of the
//! operator itself, in `decisions`. Of provided CAs there is one, in some scopes. Not in it are published bundles, probes and identities that are
//! excluded by name.
//!
//! ```text
//! scope ─▶ world: state × event ─▶ state ─▶ explore ─▶ states, or a shortest trace to a broken promise
//!             │ replica: look, ask `decisions`, write          invariants: I2 I8 I9 I11 Distrust     liveness
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what its functions share"
)]
#![allow(clippy::print_stdout, reason = "it says how much it has seen")]

pub mod ca;
mod claims;
mod consumers;
pub mod decisions;
mod distrust;
mod events;
mod evidence;
mod explore;
pub mod facts;
mod fingerprint;
mod invariants;
mod liveness;
pub mod pki;
mod replica;
mod scope;
mod state;
pub mod time;
pub mod transition;
mod world;
mod writes;

pub use claims::{breaks, holds, holds_at_full_size};
pub use events::{Event, ReplicaId, Write};
pub use explore::{Report, Violation, explore};
pub use scope::{Clocks, Mutation, Mutations, Scope, SecondReplica};
pub use state::Broken;
pub use time::{FAR, Ticks};
