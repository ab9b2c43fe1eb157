//! The MtlsAuthority controller: keeps the root of each authority and rotates it.
//!
//! ```text
//! controller ─▶ reconcile: observe ─▶ decide (plan) ─▶ confirm (rotation) ─▶ act (root) ─┐
//!     │             ▲                                                                    │
//!     │             └──────────────── until nothing remains to be done ──────────────────┘
//!     ├─▶ record    status, Events, log
//!     ├─▶ activate  issuers, scheduler, trust bundles, probes
//!     └─▶ summary   counts, at most every 10 s
//! ```

mod act;
pub mod activate;
pub mod bootstrap;
pub mod consumers;
pub mod controller;
pub mod counts;
mod early_warning;
pub mod inputs;
mod named_identities;
mod next_reconcile;
mod observe;
pub mod outcome;
mod reconcile;
pub mod record;
pub mod root;
mod root_writes;
pub mod rotating;
pub mod rotation;
pub mod state;
pub mod status;
pub mod summary;
