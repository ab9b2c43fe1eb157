//! Everything that talks to the API server.
//!
//! Watches tell the [`board`] what they see; it knows what needs a look, and when. [`workers`] look at identities, the
//! [`keeper`] at authorities, the [`distributor`] at published trust bundles. Every look observes, decides (in `plan`),
//! acts and records.

pub mod act;
pub mod attention;
pub mod audiences;
pub mod authorities;
pub mod authority_status;
pub mod belonging;
pub mod board;
mod bundle_survey;
pub mod bundles;
mod call;
pub mod carrier;
pub mod census;
pub mod cluster_bundles;
pub mod context;
pub mod delivery;
pub mod distributor;
pub mod dress;
pub mod entry;
pub mod error;
pub mod events;
pub mod evidence;
pub mod forewarning;
pub mod forge;
pub mod former_keys;
pub mod index;
pub mod jurisdiction;
pub mod keeper;
pub mod listed;
pub mod marks;
pub mod mesh;
mod metric_labels;
pub mod metrics;
mod new_root;
pub mod observe;
mod own_requests;
pub mod pace;
pub mod probe;
mod provision;
pub mod publication;
pub mod publish;
pub mod queue;
pub mod reconcile;
pub mod recovery;
pub mod requests;
pub mod retry;
pub mod root;
pub mod root_change;
pub mod root_creation;
mod root_look;
pub mod root_notes;
mod root_patch;
pub mod root_secret;
pub mod roster;
pub mod rotation;
pub mod run;
pub mod schedule;
pub mod sight;
pub mod spots;
pub mod stances;
pub mod status;
pub mod tally;
pub mod watch;
pub mod workers;
