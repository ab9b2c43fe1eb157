//! The network of a node: it has no way out, and the same addresses in every cluster, since they are not visible outside.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::namespaces::Namespaces;
use crate::components::SERVICE_RANGE;
use crate::{Error, file};

/// The node's name.
pub(crate) const NODE: &str = "node1";
/// The node's address: the API server, the kubelet and DNS are reached there.
pub(crate) const NODE_ADDRESS: &str = "10.250.0.1";
/// The addresses of Pods.
pub(crate) const POD_RANGE: &str = "10.244.0.0/24";

/// Gives the node its name and its address. The address is on a bridge without ports: a kubelet takes no loopback
/// address, and not every kernel has a dummy device.
pub(crate) fn set_up(jail: Namespaces) -> Result<(), Error> {
    let hostname = format!("kernel.hostname={NODE}");
    let address = format!("{NODE_ADDRESS}/24");
    let commands: [&[&str]; 6] = [
        &["sysctl", "--quiet", "--write", &hostname, "net.ipv4.ip_forward=1"],
        &["ip", "link", "set", "lo", "up"],
        &["ip", "link", "add", "node0", "type", "bridge"],
        &["ip", "address", "add", &address, "dev", "node0"],
        &["ip", "link", "set", "node0", "up"],
        // There is no default route: without this one, the kernel finds no source address for a Service's.
        &["ip", "route", "add", SERVICE_RANGE, "dev", "node0"],
    ];
    commands.into_iter().try_for_each(|command| jail.run(command))
}

/// Writes the network that containerd gives to Pods into `folder`.
pub(crate) fn write_plugin_configuration(folder: &Path) -> Result<(), Error> {
    fs::create_dir_all(folder).map_err(Error::file("make", folder))?;
    let configuration = json!({
        "cniVersion": "1.0.0",
        "name": "devcluster",
        "plugins": [{
            "type": "bridge",
            "bridge": "pods0",
            "isGateway": true,
            "ipMasq": false,
            "hairpinMode": true,
            "ipam": {
                "type": "host-local",
                "ranges": [[{"subnet": POD_RANGE}]],
                "routes": [{"dst": "0.0.0.0/0"}],
            },
        }],
    });
    file::write(&folder.join("10-devcluster.conflist"), &format!("{configuration:#}\n"))
}
