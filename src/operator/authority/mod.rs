//! The MtlsAuthority controller: keeps the root of each authority and rotates it.

mod act;
pub mod activate;
pub mod bootstrap;
pub mod controller;
pub mod counts;
pub mod early_warning;
mod next_reconcile;
mod observe;
pub mod ready_log;
pub mod reconcile;
pub mod root;
pub mod rotation;
pub mod status;
pub mod summary;
