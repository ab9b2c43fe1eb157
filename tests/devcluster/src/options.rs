//! Options of a cluster. Each default is the cheapest with which it still behaves like a real one.

use std::path::PathBuf;
use std::time::Duration;

/// How a cluster is to be.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whether every request is written to [`Cluster::audit_log`](crate::Cluster::audit_log) (level Metadata) before it
    /// is answered.
    pub audit: bool,
    /// Whether etcd waits for the disk; only measurements and tests of power loss need it.
    pub fsync: bool,
    /// Part of the data folder's name, so that a person can tell clusters apart.
    pub name: String,
    /// Resources that the API server does not serve, as in `certificates.k8s.io/v1/clustertrustbundles`.
    pub unserved: Vec<String>,
    /// With a node, Pods run. It needs root and some packages: ask [`obstacle`](crate::obstacle) first.
    pub node: Option<NodeOptions>,
}

impl Default for Options {
    fn default() -> Self {
        Self { audit: true, fsync: false, name: "cluster".into(), unserved: Vec::new(), node: None }
    }
}

/// How the node is to be.
#[derive(Debug, Clone, Default)]
pub struct NodeOptions {
    /// How often the kubelet syncs each Pod, and so how soon a changed Secret is in its files. Kubernetes' default
    /// is a minute.
    pub sync_frequency: Option<Duration>,
    /// Docker or OCI archives that Pods can run at once, as by [`Cluster::import_image`](crate::Cluster::import_image).
    pub images: Vec<PathBuf>,
}
