//! Laws of the PKI library: each says what holds for every certificate it makes, reads or refuses.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, also in what its functions share")]

#[path = "pki_laws/cross.rs"]
mod cross;
#[path = "pki_laws/fixture.rs"]
mod fixture;
#[path = "pki_laws/hostile_input.rs"]
mod hostile_input;
#[path = "pki_laws/issued_fields.rs"]
mod issued_fields;
#[path = "pki_laws/issuing.rs"]
mod issuing;
#[path = "pki_laws/keys.rs"]
mod keys;
#[path = "pki_laws/loading.rs"]
mod loading;
#[path = "pki_laws/loading_chains.rs"]
mod loading_chains;
#[path = "pki_laws/names.rs"]
mod names;
#[path = "pki_laws/pem.rs"]
mod pem;
#[path = "pki_laws/trust.rs"]
mod trust;
#[path = "pki_laws/verifying.rs"]
mod verifying;
#[path = "pki_laws/verifying_profile.rs"]
mod verifying_profile;
