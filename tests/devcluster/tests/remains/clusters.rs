//! The clusters whose remains are looked for.

use devcluster::{Cluster, NodeOptions, Options};

/// A control plane.
pub fn plain(name: &str) -> Cluster {
    Cluster::start(Options { name: name.into(), ..Options::default() }).unwrap()
}

/// With a node, and a Pod that runs on it.
pub fn with_a_pod(name: &str) -> Cluster {
    let node = Some(NodeOptions::default());
    let cluster = Cluster::start(Options { name: name.into(), node, ..Options::default() }).unwrap();
    let run = ["run", "pod", "--image=devcluster.local/pause:1", "--image-pull-policy=Never"];
    assert!(cluster.kubectl().args(run).status().unwrap().success());
    let wait = ["wait", "--for=condition=Ready", "pod/pod", "--timeout=120s"];
    assert!(cluster.kubectl().args(wait).status().unwrap().success());
    cluster
}
