//! `CoreDNS` of a node: it answers for the names of Services, on the node's own address, and for nothing else.

use std::path::Path;

use super::namespaces::Namespaces;
use super::network::NODE_ADDRESS;
use crate::script;
use crate::{Error, file, toolchain};

/// Where it says that it knows the Services, as the API server's proxy names it.
pub(crate) const READY: &str = "/api/v1/nodes/http:node1:8181/proxy/ready";

/// Writes configuration and script.
pub(crate) fn write_all(folder: &Path, jail: Namespaces) -> Result<(), Error> {
    let configuration = format!(
        ".:53 {{\n    errors\n    ready {NODE_ADDRESS}:8181\n    kubernetes cluster.local in-addr.arpa {{\n        \
         kubeconfig {}/coredns.kubeconfig devcluster\n        pods insecure\n    }}\n}}\n",
        folder.display()
    );
    let path = folder.join("node/Corefile");
    file::write(&path, &configuration)?;
    let flags = ["-conf".into(), path.display().to_string()];
    script::write(folder, "coredns", jail.network(), &toolchain::tool("coredns")?, &flags)
}
