//! The controller of published trust bundles: compares what specs ask for with what exists, and writes what differs.

pub mod apply;
pub mod cluster_trust_bundles;
pub mod config_maps;
pub mod controller;
pub mod informer;
pub mod objects;
pub mod shared;
pub mod status;
pub mod store;
pub mod targets;
pub mod unread;
