//! Everything that talks to the API server, a folder for each controller.
//!
//! ```text
//!   run        starts watches and controllers
//!   informers  handlers of the watches
//!   identity   MtlsIdentity ─▶ leaf Secret      authority  MtlsAuthority ─▶ root Secret, rotation
//!   trust_bundle  published bundles             probe      what Pods serve
//!   context    what all controllers share: clock, API client, metrics, scheduler, issuers
//!   client     every request                    metrics
//!   scheduler  which identity is reconciled next, and when (pure)
//!   index      what was seen of the cluster (pure)
//! ```
//!
//! Imports point downwards (`tests/architecture/imports.rs`). A controller observes, decides in `plan`, acts and records.

pub mod authority;
pub mod client;
pub mod context;
pub mod error;
pub mod events;
pub mod freshness;
pub mod identity;
pub mod index;
pub mod informers;
pub mod issuers;
pub mod metrics;
pub mod probe;
pub mod run;
pub mod scheduler;
mod status_proof;
pub mod trust_bundle;
