//! A node changes nothing of the machine but for control groups with its own name: all else is in its [`jail`].

pub(crate) mod cgroups;
pub(crate) mod containerd;
pub(crate) mod dns;
pub(crate) mod image;
pub(crate) mod jail;
pub(crate) mod kubelet;
pub(crate) mod network;
pub(crate) mod proxy;
pub(crate) mod relay;
pub(crate) mod requirements;
