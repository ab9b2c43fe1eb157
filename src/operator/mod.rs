//! Everything that talks to the API server.
//!
//! Watches tell the [`board`] what they see; it knows what needs a look, and when. [`workers`] look at identities, the
//! [`keeper`] at authorities, the [`distributor`] at published trust bundles. Every look observes, decides (in `plan`),
//! acts and records.

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
