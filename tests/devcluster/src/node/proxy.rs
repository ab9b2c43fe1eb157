//! kube-proxy of a node: it makes Services reachable by rules of the jail's own network.

use std::path::Path;

use serde_json::json;

use super::namespaces::Namespaces;
use super::network::{NODE, NODE_ADDRESS, POD_RANGE};
use crate::script;
use crate::{Error, file, toolchain};

/// Where it says that it is healthy, as the API server's proxy names it.
pub(crate) const HEALTH: &str = "/api/v1/nodes/http:node1:10256/proxy/healthz";

/// Writes configuration and script.
pub(crate) fn write_all(folder: &Path, jail: Namespaces) -> Result<(), Error> {
    let configuration = json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clientConnection": {"kubeconfig": folder.join("proxy.kubeconfig")},
        "clusterCIDR": POD_RANGE,
        "hostnameOverride": NODE,
        "healthzBindAddress": format!("{NODE_ADDRESS}:10256"),
        "metricsBindAddress": "127.0.0.1:10249",
        // These would change settings of the whole machine.
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
    });
    let path = folder.join("node/kube-proxy.json");
    file::write(&path, &format!("{configuration:#}\n"))?;
    let flags = [format!("--config={}", path.display())];
    script::write(folder, "kube-proxy", jail.network(), &toolchain::tool("kube-proxy")?, &flags)
}
