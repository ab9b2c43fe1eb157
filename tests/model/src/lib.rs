//! A model of a root's rotation, explored exhaustively: every state that can be reached keeps every promise. The world around
//! the operator is abstract: certificates without cryptography, Secrets without bytes, time in ticks. What the operator
//! decides is not modelled but asked of the operator itself, in [`decisions`]. What each transition writes is modelled, in
//! [`transition`], and compared with the operator's own Secret by `tests/differential`. In some scopes people provide one CA.
//! Published bundles, probes and identities that are excluded by name are not in the model.
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

mod aging;
pub mod ca;
mod claims;
mod consumers;
pub mod decisions;
mod distrust;
mod enabled;
mod events;
mod evidence;
mod explore;
pub mod facts;
mod fingerprint;
mod invariants;
mod liveness;
mod mutation;
pub mod pki;
mod replica;
mod scope;
mod state;
pub mod time;
pub mod transition;
mod world;
mod writes;

pub use claims::{breaks, hold_at_full_size, holds};
pub use events::{Event, ReplicaId, Write};
pub use explore::{Report, Violation, explore};
pub use mutation::{Mutation, Mutations};
pub use scope::{Clocks, Scope, SecondReplica};
pub use state::Broken;
pub use time::{FAR, PLAIN_LEAF, Ticks};
