//! The MtlsIdentity controller: one pass observes an identity and its Secret, decides (`plan::identity`), acts and records.
//!
//! ```text
//! controller ─▶ reconcile ─▶ observe ─▶ inputs: decide ─▶ act ─▶ decide ─▶ record
//!                              │ from_metadata, or inspect of what was read
//! ```

pub mod act;
mod altered_write;
pub mod audit;
pub mod controller;
pub mod field_managers;
pub mod from_metadata;
mod inputs;
mod inspect;
pub mod key_generator;
pub mod key_orders;
mod observe;
pub mod observed;
pub mod ownership;
pub mod reconcile;
mod record;
mod repair;
pub mod secret_metadata;
pub mod status;
