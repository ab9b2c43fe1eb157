//! Ports for components: never one that the kernel gives to an outgoing connection.
//!
//! An API server that is stopped and started keeps its port. Were it an ephemeral one, a client's own connection could
//! take it meanwhile, or even connect to itself.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::process;
use std::sync::atomic::{AtomicU16, Ordering};

use crate::Error;

const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A port on 127.0.0.1 on which no process listens at this moment.
///
/// Another process may take it before it is used: a caller whose server cannot listen tries again with another one.
pub(crate) fn free() -> Result<u16, Error> {
    // Processes begin at different places, so that two test binaries rarely want the same port.
    let start = u16::try_from(process::id().wrapping_mul(97) % u32::from(COUNT)).unwrap_or(0);
    (0..COUNT)
        .map(|_| FIRST + start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT)
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .ok_or(Error::NoFreePort(FIRST, FIRST + COUNT - 1))
}

/// Whether a process listens on the port, in the network of the process `pid` (or `self`). No connection is made.
pub(crate) fn is_open(pid: &str, port: u16) -> bool {
    // A Go program that listens on 0.0.0.0 has a socket of the sixth version, for both.
    ["tcp", "tcp6"].into_iter().any(|table| {
        let sockets = fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        sockets.lines().any(|socket| is_listener(socket, port))
    })
}

/// A line is `0: 0100007F:4E20 00000000:0000 0A …`: number, local address, remote address, state.
fn is_listener(socket: &str, port: u16) -> bool {
    const LISTENING: &str = "0A";
    let words: Vec<&str> = socket.split_whitespace().take(4).collect();
    matches!(words[..], [_, local, _, LISTENING] if local.ends_with(&format!(":{port:04X}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_seen_without_a_connection_to_it() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(is_open("self", port));
        drop(listener);
        assert!(!is_open("self", port));
    }

    #[test]
    fn a_port_in_use_is_not_handed_out() {
        let port = free().unwrap();
        let _listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        NEXT.fetch_sub(1, Ordering::Relaxed);
        assert_ne!(free().unwrap(), port);
    }
}
