//! The parts of a node. It changes nothing of the machine except control groups with its own name: all else is in its
//! [`namespaces`].

pub(crate) mod api_proxy;
pub(crate) mod cgroups;
pub(crate) mod containerd;
pub(crate) mod dns;
pub(crate) mod image;
pub(crate) mod kubelet;
pub(crate) mod namespaces;
pub(crate) mod network;
pub(crate) mod proxy;
pub(crate) mod requirements;
