//! Claim: foreign verifiers accept each chain that leads to a root they trust, and no other. The chains are those
//! of roots that follow each other, whatever their keys, with and without a cross-certificate; the verifiers trust each
//! set of these roots that a consumer may hold. Their verdicts are the table in `docs/verifiers.md`: with `UPDATE=1` it is
//! written, else compared. With `MTLS_VERIFIERS=1` (`make verifiers`) all verifiers are asked, else those that every
//! machine can have. They refuse certificates that are made with the key of a distrusted root.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what its functions share"
)]
#![allow(clippy::large_futures, reason = "the future of a test holds the whole operator")]

mod batch;
mod families;
mod family_roots;
mod forty_rotations;
mod gnutls;
mod listener;
mod matrix;
mod nss;
mod openssl;
mod question;
mod stolen;
mod table;
mod theft;
mod verifiers;
mod web_servers;
mod webpki;
