//! Foreign verifiers judge what we issue: each accepts every leaf, and refuses a wrong root, a wrong name and an
//! expired leaf. A tool that is missing is said to be skipped; with `MTLS_TEST_REQUIRE_ALL=1` it fails the test.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what its functions share"
)]

#[path = "pki_oracle/cases.rs"]
mod cases;
#[path = "pki_oracle/gnutls.rs"]
mod gnutls;
#[path = "pki_oracle/go.rs"]
mod go;
#[path = "pki_oracle/java.rs"]
mod java;
#[path = "pki_oracle/openssl.rs"]
mod openssl;
#[path = "pki_oracle/pem.rs"]
mod pem;
#[path = "pki_oracle/provided.rs"]
mod provided;
#[path = "pki_oracle/rustls.rs"]
mod rustls;
#[path = "pki_oracle/successions.rs"]
mod successions;
