//! The MtlsIdentity controller: one pass observes an identity and its Secret, decides (`plan::identity`), acts and records.

pub mod act;
mod altered_write;
pub mod audit;
pub mod controller;
pub mod field_managers;
mod inspect;
pub mod key_generator;
pub mod observe;
pub mod ownership;
pub mod reconcile;
mod record;
mod repair;
pub mod secret_metadata;
pub mod status;
