//! GnuTLS: `certtool` verifies, `gnutls-cli` connects.

use std::path::Path;
use std::process::Command;

use super::process::limited;

/// The purpose of a server's certificate.
pub const SERVER: &str = "1.3.6.1.5.5.7.3.1";
/// The purpose of a client's certificate.
pub const CLIENT: &str = "1.3.6.1.5.5.7.3.2";

/// Arguments with which `certtool` verifies a chain for a purpose.
pub fn verify<'a>(certtool: &'a mut Command, trust: &Path, chain: &Path, purpose: &str) -> &'a mut Command {
    certtool.args(["--verify", &format!("--verify-purpose={purpose}"), "--load-ca-certificate"]).arg(trust);
    certtool.arg("--infile").arg(chain)
}

/// A client that trusts the certificates of a file, and demands this name.
pub fn client(gnutls: &Path, address: &str, name: &str, trust: &Path) -> Command {
    let (host, port) = address.rsplit_once(':').unwrap();
    let mut client = limited(gnutls);
    client.args(["--verify-hostname", name, "--sni-hostname", name, "--port", port, "--x509cafile"]);
    client.arg(trust).arg(host);
    client
}
