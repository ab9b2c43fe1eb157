//! A real Kubernetes control plane on loopback that leaves no process and no folder behind.
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
//! Linux only: it relies on `/proc`, a POSIX `sh` and `setpriv`.

pub mod audit;
mod cache;
mod certificates;
mod cluster;
mod components;
mod error;
mod kubeconfig;
mod ports;
mod process;
mod retained;
mod supervisor;
mod toolchain;

pub use cluster::{Cluster, Options};
pub use error::Error;
pub use retained::Retained;
pub use toolchain::{TOOLS, tool};
