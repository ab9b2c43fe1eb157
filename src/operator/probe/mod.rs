//! Live probes: what the Pods of an identity really serve, and whom they let in. Only endpoints of the identity's own
//! namespace are dialed, each rarely and briefly, with certificates that live for minutes and in memory only.
//!
//! ```text
//! watch EndpointSlice ─┐
//! watch MtlsIdentity ──┼─▶ probes ─▶ prober ─▶ visit ─▶ Sighting ─▶ verdict ─▶ status
//! who signs (wallet) ──┘   (memory)  (who is due)  (TLS)      (pure: plan::serving)
//! ```

pub mod audience;
pub mod dial;
pub mod figures;
mod judgement;
pub mod memory;
pub mod outlook;
pub mod prober;
pub mod record;
pub mod session;
pub mod slices;
pub mod visit;
pub mod wallet;
mod witness;
