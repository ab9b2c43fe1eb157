//! Live probes: what the Pods of an identity really serve, and whom they let in. Only endpoints of the identity's own
//! namespace are dialed, each rarely and briefly, with certificates that live for minutes and in memory only.
//!
//! ```text
//! watch EndpointSlice ─┐
//! watch MtlsIdentity ──┼─▶ probes ─▶ prober ─▶ visit ─▶ Sighting ─▶ verdict ─▶ status
//! who signs (wallet) ──┘   (memory)  (who is due)  (TLS)      (pure: plan::serving)
//! ```

pub mod controller;
pub mod credentials;
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
