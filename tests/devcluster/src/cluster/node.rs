//! What a cluster with a node offers in addition. A node that `start` returned is Ready, with Services and their names.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::Cluster;
use crate::node::namespaces::Namespaces;
use crate::node::network::NODE;
use crate::node::requirements::obstacle;
use crate::node::{api_proxy, cgroups, containerd, dns, image, kubelet, namespaces, network, proxy};
use crate::process::output;
use crate::toolchain::{NODE_TOOLS, tool};
use crate::{Error, NodeOptions, ports};

/// A node's health, as the API server hears it from the kubelet.
const KUBELET_HEALTH: &str = "/api/v1/nodes/node1/proxy/healthz";

/// Refuses where there can be no node, and builds what one needs.
pub(super) fn require() -> Result<(), Error> {
    if let Some(obstacle) = obstacle() {
        return Err(Error::Obstacle(obstacle));
    }
    NODE_TOOLS.iter().try_for_each(|name| tool(name).map(drop))
}

impl Cluster {
    /// Makes a docker or OCI archive's image available to Pods, which must have `imagePullPolicy: Never` (or
    /// `IfNotPresent`) and name it in full, as in `localhost/mtls-operator:0.1.0`.
    ///
    /// # Errors
    /// When there is no node, or the file is no such archive.
    pub fn import_image(&self, archive: &Path) -> Result<(), Error> {
        image::import(self.jail()?, archive)
    }

    /// Kills the kubelet, as a crash would, starts it again and waits until it is healthy. Pods go on meanwhile.
    ///
    /// # Errors
    /// When there is no node, or the kubelet does not come back.
    pub fn restart_kubelet(&self) -> Result<(), Error> {
        self.jail()?;
        self.supervised(|supervisor| supervisor.stop_component("kubelet"))?;
        let pid = self.start_component("kubelet")?;
        self.wait_for_kubelet(pid)
    }

    /// Sets how often the kubelet syncs each Pod from now on; it is restarted, as by [`Self::restart_kubelet`].
    ///
    /// # Errors
    /// When there is no node, or the kubelet does not come back.
    pub fn set_sync_frequency(&self, frequency: Duration) -> Result<(), Error> {
        kubelet::set_sync_frequency(&self.folder, frequency)?;
        self.restart_kubelet()
    }

    /// A program of this machine that runs on the node: it sees Pods, Services and their addresses.
    ///
    /// # Errors
    /// When there is no node.
    pub fn command_on_node(&self, program: &str) -> Result<Command, Error> {
        Ok(self.jail()?.network().command(program))
    }

    /// The node's namespaces, and the way from here to the API server that will run there.
    pub(super) fn open_jail(&self) -> Result<Namespaces, Error> {
        namespaces::write_script(&self.folder)?;
        let jail = Namespaces::behind(self.start_component("jail")?)?;
        jail.mount(&self.node_folder())?;
        network::set_up(jail)?;
        api_proxy::write_scripts(&self.folder, jail, self.ports.api)?;
        let relay = self.start_component("relay")?;
        self.wait("relay", relay, || Ok(ports::is_open("self", self.ports.api)))?;
        Ok(jail)
    }

    /// Starts the node below a control plane that is ready.
    pub(super) fn start_node(&self, options: &NodeOptions) -> Result<(), Error> {
        let jail = self.jail()?;
        self.write_node(jail, options)?;
        let containerd = self.start_component("containerd")?;
        self.start_component("kube-scheduler")?;
        self.wait("containerd", containerd, || Ok(containerd::is_ready(jail)))?;
        image::import_pause(jail, &self.node_folder())?;
        for archive in &options.images {
            image::import(jail, archive)?;
        }
        let [kubelet, proxy, dns] =
            ["kubelet", "kube-proxy", "coredns"].map(|name| self.start_component(name));
        self.wait_for_kubelet(kubelet?)?;
        self.wait("kube-proxy", proxy?, || Ok(self.kubectl_succeeds(&["get", "--raw", proxy::HEALTH])))?;
        self.wait("coredns", dns?, || Ok(self.kubectl_succeeds(&["get", "--raw", dns::READY])))
    }

    fn write_node(&self, jail: Namespaces, options: &NodeOptions) -> Result<(), Error> {
        for party in ["kubelet", "scheduler", "proxy", "coredns"] {
            self.write_kubeconfig_of(party)?;
        }
        let name = self.folder.file_name().unwrap_or_default().to_string_lossy();
        cgroups::create(&self.folder, &name)?;
        containerd::write_all(&self.folder, jail)?;
        kubelet::write_all(&self.folder, jail, &name, options)?;
        proxy::write_all(&self.folder, jail)?;
        dns::write_all(&self.folder, jail)
    }

    fn wait_for_kubelet(&self, pid: u32) -> Result<(), Error> {
        self.wait("kubelet", pid, || {
            Ok(self.node_is_ready() && self.kubectl_succeeds(&["get", "--raw", KUBELET_HEALTH]))
        })
    }

    fn node_is_ready(&self) -> bool {
        let path = r#"jsonpath={.status.conditions[?(@.type=="Ready")].status}"#;
        let status =
            output(self.kubectl().args(["get", "node", NODE, "--output", path, "--request-timeout=5s"]));
        status.is_ok_and(|status| status == "True")
    }

    fn node_folder(&self) -> PathBuf {
        self.folder.join("node")
    }

    fn jail(&self) -> Result<Namespaces, Error> {
        self.jail.ok_or(Error::NoNode)
    }
}
