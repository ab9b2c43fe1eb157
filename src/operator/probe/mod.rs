//! Live probes: what the Pods of an identity really serve, and which clients they accept. Only endpoints of the identity's
//! own namespace are dialed, each rarely and briefly, with certificates that are valid for minutes and in memory only.
//!
//! ```text
//! watch EndpointSlice ─┐                 decision          ┌─▶ endpoint_probe (TLS) ─▶ store
//! watch MtlsIdentity ──┼─▶ store ─▶ candidates ─▶ controller
//! write answers ───────┘              expectation          └─▶ verdict_writer ─▶ status
//! ```
//!
//! A round of the controller takes the identities of which something has changed (candidates), finds out what their servers are
//! expected to be like (scheduler, issuers), decides, writes some verdicts and starts the probes that are due, in that order.
//!
//! # Lock order
//! The probe state is never locked while another lock is held, and no other lock is taken while it is held.

pub mod candidates;
pub mod controller;
pub mod credentials;
mod decision;
pub mod dial;
mod due_probes;
pub mod due_times;
pub mod endpoint_probe;
pub mod endpoint_records;
pub mod endpoint_slices;
pub mod expectation;
pub mod handshake;
pub mod informer;
pub mod probe_turns;
pub mod probed_identity;
pub mod probed_object;
pub mod reason_counts;
mod recording_client;
pub mod slice_object;
pub mod status;
pub mod store;
mod unwritten;
mod verdict_writer;
mod verdicts;
