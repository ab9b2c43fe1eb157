//! Holds a cluster, with a node where `node` is asked for, and comes to its end: by a panic, by an exit while the cluster is
//! shared, or not at all until it is killed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "it ends by panicking, as a test would")]

mod clusters;

use std::sync::OnceLock;
use std::{env, process, thread};

use clusters::{plain, with_a_pod};
use devcluster::Cluster;

static SHARED: OnceLock<Cluster> = OnceLock::new();

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let cluster =
        if arguments.iter().any(|word| word == "node") { with_a_pod("remains") } else { plain("remains") };
    eprintln!("folder {}", cluster.data_dir().display());
    match arguments.first().map(String::as_str) {
        Some("panic") => panic!("as asked"),
        Some("exit") => {
            SHARED.get_or_init(|| cluster);
            process::exit(0);
        }
        _ => thread::park(),
    }
}
