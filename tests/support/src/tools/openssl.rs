//! OpenSSL: `verify`, `s_server` and `s_client`, with the files of a Secret in a folder: `tls.crt`, `tls.key`, `ca.crt`.

use std::path::Path;
use std::process::Command;

use super::process::{Server, limited};

/// Arguments that demand a certificate that leads to `ca.crt`.
pub const MUTUAL: [&str; 3] = ["-Verify", "5", "-verify_return_error"];

/// Verifies the first certificate of a file, and may use the others.
pub fn verify(openssl: &Path, chain: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(openssl);
    command.args(["verify", "-check_ss_sig", "-untrusted"]).arg(chain).args(arguments).arg(chain);
    command
}

/// A server with the files of this folder that reverses each line.
pub fn server(openssl: &Path, folder: &Path, arguments: &[&str]) -> Server {
    let mut server = Command::new(openssl);
    server.args(["s_server", "-accept", "127.0.0.1:0", "-rev", "-CAfile", "ca.crt"]);
    server.args(["-cert", "tls.crt", "-key", "tls.key"]).args(arguments).current_dir(folder);
    Server::start(&mut server, "ACCEPT 127.0.0.1:")
}

/// A client that trusts `ca.crt` of this folder, and demands this name.
pub fn client(openssl: &Path, folder: &Path, address: &str, name: &str, arguments: &[&str]) -> Command {
    let mut client = limited(openssl);
    client.args(["s_client", "-connect", address, "-CAfile", "ca.crt", "-verify_return_error", "-brief"]);
    client.args(["-verify_hostname", name, "-servername", name]).args(arguments).current_dir(folder);
    client
}
