//! The proxy by which the API server of a node's cluster has the same address outside the jail as inside.

use std::path::Path;

use super::namespaces::Namespaces;
use crate::Error;
use crate::script::{self, Place};

/// Writes the script that listens on the port outside, and the one it runs for each connection.
pub(crate) fn write_scripts(folder: &Path, jail: Namespaces, port: u16) -> Result<(), Error> {
    let socat = Path::new("socat");
    let inner = ["STDIO".into(), format!("TCP:127.0.0.1:{port}")];
    script::write(folder, "relay-inside", jail.network(), socat, &inner)?;
    let outer = [
        format!("TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork,backlog=128"),
        format!("EXEC:sh {}/run/relay-inside", folder.display()),
    ];
    script::write(folder, "relay", Place::Here, socat, &outer)
}
