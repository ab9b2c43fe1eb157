//! The command line. Every fault is a flag: without flags the program does what a correct one does.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

/// Serves and dials mutual TLS with the files of a mounted Secret.
#[derive(Debug, Parser)]
#[command(name = "peer", version)]
pub struct Arguments {
    #[command(subcommand)]
    pub action: Action,
}

#[derive(Debug, Subcommand)]
pub enum Action {
    /// Serve, and dial the named peers too, if there are some
    Serve {
        #[command(flatten)]
        mounts: Mounts,
        #[command(flatten)]
        serving: Serving,
        #[command(flatten)]
        dialing: Dialing,
    },
    /// Dial peers, over and over
    Dial {
        #[command(flatten)]
        mounts: Mounts,
        #[command(flatten)]
        dialing: Dialing,
    },
    /// Print mode, owner and content hash of each file in a folder: there is no shell to do it
    Look {
        /// The folder
        folder: PathBuf,
    },
    /// Do nothing until SIGTERM
    Pause,
}

/// What is mounted, and how it is loaded.
#[derive(Args, Clone, Debug)]
pub struct Mounts {
    /// Folder with tls.key, tls.crt and ca.crt
    #[arg(long, default_value = "/mtls")]
    pub files: PathBuf,
    /// Folder with another ca.crt: to show a foreign certificate to servers that are trusted
    #[arg(long)]
    pub trust: Option<PathBuf>,
    /// How often the files are read again
    #[arg(long, value_name = "MS", default_value = "250", value_parser = millis)]
    pub look_every: Duration,
    /// Load the files once and never again
    #[arg(long)]
    pub never_reload: bool,
}

#[derive(Args, Clone, Debug)]
pub struct Serving {
    /// Where to listen
    #[arg(long, default_value = "0.0.0.0:8443")]
    pub listen: SocketAddr,
    /// SPIFFE ID of a client that is accepted; repeatable; without it every client with a certificate of the mesh is
    #[arg(long = "allow", value_name = "SPIFFE_ID")]
    pub allowed: Vec<String>,
    /// Accept every client, with any certificate or none
    #[arg(long)]
    pub accept_any_client: bool,
}

#[derive(Args, Clone, Debug)]
pub struct Dialing {
    /// Peer to dial: `HOST:PORT=SPIFFE_ID`, with `@ADDRESS` at the end to connect there instead of asking DNS
    #[arg(long = "peer", value_name = "PEER", value_parser = target)]
    pub peers: Vec<Target>,
    /// Pause between two handshakes with one peer
    #[arg(long, value_name = "MS", default_value = "100", value_parser = millis)]
    pub every: Duration,
    /// How often the counts are printed
    #[arg(long, value_name = "MS", default_value = "1000", value_parser = millis)]
    pub report_every: Duration,
    /// Show no certificate
    #[arg(long)]
    pub no_certificate: bool,
}

/// A peer to dial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// DNS name that the certificate must be good for.
    pub host: String,
    pub port: u16,
    pub spiffe_id: String,
    /// Address to connect to, if DNS is not to be asked.
    pub address: Option<String>,
}

impl Target {
    /// Its name in the counts: as on the command line, without the SPIFFE ID.
    pub fn name(&self) -> String {
        let at = self.address.as_ref().map(|address| format!("@{address}")).unwrap_or_default();
        format!("{}:{}{at}", self.host, self.port)
    }
}

fn target(text: &str) -> Result<Target, String> {
    let form = || "a peer is HOST:PORT=SPIFFE_ID or HOST:PORT=SPIFFE_ID@ADDRESS".to_owned();
    let (place, who) = text.split_once('=').ok_or_else(form)?;
    let (host, port) = place.rsplit_once(':').ok_or_else(form)?;
    let (spiffe_id, address) = match who.split_once('@') {
        Some((spiffe_id, address)) => (spiffe_id, Some(address.to_owned())),
        None => (who, None),
    };
    Ok(Target {
        host: host.to_owned(),
        port: port.parse().map_err(|_| form())?,
        spiffe_id: spiffe_id.to_owned(),
        address,
    })
}

fn millis(text: &str) -> Result<Duration, std::num::ParseIntError> {
    text.parse().map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_named_by_place_identity_and_perhaps_address() {
        let named = target("server.shop.svc:8443=spiffe://mesh/ns/shop/sa/server@10.0.0.7").unwrap();
        assert_eq!(named.name(), "server.shop.svc:8443@10.0.0.7");
        assert_eq!(named.spiffe_id, "spiffe://mesh/ns/shop/sa/server");
        assert!(target("server.shop.svc:8443").is_err(), "an identity is not optional");
        assert!(target("server.shop.svc=spiffe://mesh").is_err(), "a port is not optional");
    }
}
