//! Probes against real TLS servers: rustls in memory, OpenSSL and Go as processes, TLS 1.2 and 1.3. The
//! observation is what the server does, however slow or silent it is.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what its functions share"
)]

#[path = "probes/fixture.rs"]
mod fixture;
#[path = "probes/go.rs"]
mod go;
#[path = "probes/openssl.rs"]
mod openssl;
#[path = "probes/process.rs"]
mod process;
#[path = "probes/rustls_server.rs"]
mod rustls_server;
#[path = "probes/servers.rs"]
mod servers;
