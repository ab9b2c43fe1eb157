//! The kubelet of a node: a real one, with the defaults that users have, except for what a node within a machine cannot do.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::namespaces::Namespaces;
use super::network::{NODE, NODE_ADDRESS};
use crate::script;
use crate::{Error, NodeOptions, file, toolchain};

/// Writes configuration and script. `cgroup` is the name of the node's control groups.
pub(crate) fn write_all(
    folder: &Path,
    jail: Namespaces,
    cgroup: &str,
    options: &NodeOptions,
) -> Result<(), Error> {
    let node = folder.join("node");
    let resolver = node.join("resolv.conf");
    // Pods ask the cluster's DNS; there is no other to ask.
    file::write(&resolver, "")?;
    write(folder, configuration(&folder.join("pki"), &resolver, cgroup), options.sync_frequency)?;
    let path = configuration_file(folder);
    let flags = [
        format!("--config={}", path.display()),
        format!("--kubeconfig={}/kubelet.kubeconfig", folder.display()),
        format!("--hostname-override={NODE}"),
        format!("--node-ip={NODE_ADDRESS}"),
    ];
    script::write(folder, "kubelet", jail.inside(), &toolchain::tool("kubelet")?, &flags)
}

/// Changes the configuration; the kubelet reads it when it starts.
pub(crate) fn set_sync_frequency(folder: &Path, frequency: Duration) -> Result<(), Error> {
    let path = configuration_file(folder);
    let text = fs::read_to_string(&path).map_err(Error::file("read", &path))?;
    // It is our own text.
    write(folder, serde_json::from_str(&text).unwrap_or_default(), Some(frequency))
}

fn write(folder: &Path, mut configuration: Value, sync_frequency: Option<Duration>) -> Result<(), Error> {
    if let Some(frequency) = sync_frequency {
        configuration["syncFrequency"] = json!(in_milliseconds(frequency));
    }
    file::write(&configuration_file(folder), &format!("{configuration:#}\n"))
}

fn configuration_file(folder: &Path) -> PathBuf {
    folder.join("node/kubelet.json")
}

fn configuration(pki: &Path, resolver: &Path, cgroup: &str) -> Value {
    json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "address": NODE_ADDRESS,
        "readOnlyPort": 0,
        "healthzBindAddress": "127.0.0.1",
        "authentication": {
            "anonymous": {"enabled": false},
            "webhook": {"enabled": true},
            "x509": {"clientCAFile": pki.join("ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": pki.join("kubelet-server.crt"),
        "tlsPrivateKeyFile": pki.join("kubelet-server.key"),
        "clusterDomain": "cluster.local",
        "clusterDNS": [NODE_ADDRESS],
        "resolvConf": resolver,
        // Either version of control groups, below our own.
        "failCgroupV1": false,
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": format!("/{cgroup}"),
        "cgroupsPerQOS": true,
        "enforceNodeAllocatable": ["pods"],
        // A full disk or swap of the machine must not evict Pods. (`localStorageCapacityIsolation: false` would be shorter, but
        // breaks the eviction manager.)
        "failSwapOn": false,
        "evictionHard": {
            "memory.available": "100Mi",
            "nodefs.available": "1%",
            "nodefs.inodesFree": "1%",
            "imagefs.available": "1%",
        },
        // An image that was collected could not be pulled again.
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "protectKernelDefaults": false,
        "makeIPTablesUtilChains": false,
        // Without CAP_SYS_RESOURCE it may neither lower its own score nor raise its limit.
        "oomScoreAdj": 0,
        "maxOpenFiles": hard_limit_of_files(),
        "volumePluginDir": "/var/lib/kubelet/volume-plugins",
        "shutdownGracePeriod": "0s",
    })
}

fn in_milliseconds(duration: Duration) -> String {
    format!("{}ms", duration.as_millis())
}

/// The most files that a process of ours may open.
fn hard_limit_of_files() -> u64 {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    line.and_then(|numbers| numbers.split_whitespace().nth(1)?.parse().ok()).unwrap_or(1024)
}
