//! Local clusters for tests: a real Kubernetes on one machine that leaves no process, no folder and no mount behind.
//!
//! Each [`Cluster`] is etcd, kube-apiserver and kube-controller-manager with RBAC, `ServiceAccount` admission,
//! a CA, ports and a data folder of its own, so several run side by side. A supervisor owns the processes and ends
//! them when the [`Cluster`] is dropped and also when its holder dies without a chance to drop anything.
//!
//! ```no_run
//! let cluster = devcluster::Cluster::start(devcluster::Options::default())?;
//! cluster.kubectl().args(["get", "namespaces"]).status().unwrap();
//! cluster.stop()?;
//! # Ok::<(), devcluster::Error>(())
//! ```
//!
//! With [`Options::node`] there is a node as well, and Pods run: scheduler, containerd, runc, kubelet, kube-proxy and
//! `CoreDNS`, in namespaces of their own. Clients use the cluster as before; images come from files. The node's files,
//! processes, mounts and network end with the cluster, too.
//!
//! ```no_run
//! use devcluster::{Cluster, NodeOptions, Options};
//!
//! if let Some(obstacle) = devcluster::obstacle() {
//!     eprintln!("SKIP node: {obstacle}");
//!     return Ok(());
//! }
//! let cluster = Cluster::start(Options { node: Some(NodeOptions::default()), ..Options::default() })?;
//! cluster.import_image("target/image/mtls-operator.tar".as_ref())?; // a docker or OCI archive
//! cluster.kubectl().args(["run", "pod", "--image=localhost/mtls-operator:0.1.0", "--image-pull-policy=Never"]);
//! cluster.restart_kubelet()?;
//! cluster.command_on_node("conntrack")?.arg("-L").status().unwrap(); // sees Pods' addresses
//! # Ok::<(), devcluster::Error>(())
//! ```
//!
//! Linux only: it relies on `/proc`, a POSIX `sh` and `setpriv`; a node needs root besides.

pub mod audit;
mod cache;
mod certificates;
mod cluster;
mod components;
mod error;
mod file;
mod kubeconfig;
mod node;
mod options;
mod ports;
mod process;
mod running;
mod script;
mod supervisor;
mod toolchain;

pub use cluster::Cluster;
pub use error::Error;
pub use node::image::pack_image;
pub use node::requirements::{Obstacle, obstacle};
pub use options::{NodeOptions, Options};
pub use running::Retained;
pub use toolchain::{NODE_TOOLS, TOOLS, kubernetes_version, tool};
