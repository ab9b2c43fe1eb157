//! mtls-operator: certificates for mutual TLS, issued and rotated inside a Kubernetes cluster.
//!
//! ```text
//! watch MtlsIdentity ──┐
//! watch Secret (meta) ─┼─▶ scheduler ─▶ reconcile: observe ─▶ World ─▶ decide ─▶ Plan ─▶ act ─▶ record
//! watch MtlsAuthority ─┘                              (reads)           (pure, total)      (2 writes)
//! ```
//!
//! `api` is what users see, `pki` is X.509, `plan` decides; these three are pure. `operator` talks to the API
//! server and `runtime` is plumbing that knows nothing of certificates.

pub mod api;
pub mod cli;
pub mod operator;
pub mod pki;
pub mod plan;
pub mod process;
pub mod runtime;
