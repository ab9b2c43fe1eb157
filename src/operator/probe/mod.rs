//! Live probes: what the Pods of an identity really serve, and which clients they accept. Only endpoints of the identity's
//! own namespace are dialed, each rarely and briefly, with certificates that are valid for minutes and in memory only.
//!
//! ```text
//! watch EndpointSlice ─┐
//! watch MtlsIdentity ──┼─▶ store ─▶ decision ─▶ controller ─▶ endpoint_probe ─▶ store
//! write answers ───────┘             (pure)        │ ▲            (TLS)
//!                                                  ▼ └─ expectation, credentials
//!                                               status
//! ```
//!
//! A round of the controller observes (store, scheduler, issuers), decides, records verdicts and starts probes, in that order.
//!
//! # Lock order
//! The probe state is never locked while another lock is held, and no other lock is taken while it is held.

pub mod controller;
pub mod credentials;
mod decision;
pub mod dial;
pub mod endpoint_probe;
pub mod endpoint_slices;
pub mod expectation;
pub mod handshake;
pub mod informer;
mod recording_client;
pub mod status;
pub mod store;
mod verdicts;
