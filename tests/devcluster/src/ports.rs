//! A port handed out here is never one that the kernel gives to an outgoing connection.
//!
//! An API server that is stopped and started keeps its port. Were it an ephemeral one, a client's own connection could
//! take it meanwhile, or even connect to itself.

use std::net::{Ipv4Addr, TcpListener};
use std::process;
use std::sync::atomic::{AtomicU16, Ordering};

use crate::Error;

const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A port on 127.0.0.1 that nobody listens on at this moment.
///
/// Somebody may take it before it is used: whoever starts a server there tries again with another one.
pub(crate) fn free() -> Result<u16, Error> {
    // Processes begin at different places, so that two test binaries rarely want the same port.
    let start = u16::try_from(process::id().wrapping_mul(97) % u32::from(COUNT)).unwrap_or(0);
    (0..COUNT)
        .map(|_| FIRST + start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT)
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .ok_or(Error::NoFreePort(FIRST, FIRST + COUNT - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_not_handed_out() {
        let port = free().unwrap();
        let _listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        NEXT.fetch_sub(1, Ordering::Relaxed);
        assert_ne!(free().unwrap(), port);
    }
}
