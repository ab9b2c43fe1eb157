//! Claim: however the holder of a cluster ends, no process and no file remains.
//!
//! The holder is a program of its own (`holder.rs`), which starts a cluster and comes to the end that it is told.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its own functions too")]

mod clusters;
mod retained;
#[path = "../support/node.rs"]
mod support;
mod traces;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use clusters::{plain, with_a_pod};
use support::node_is_possible;
use traces::{
    assert_nothing_remains, assert_nothing_remains_of_node, namespaces_of, processes_of, remains_of_node,
};

/// The program that holds a cluster.
const HOLDER: &str = env!("CARGO_BIN_EXE_devcluster-holder");

/// A holder with a cluster that is ready, and the cluster's folder.
fn holding(ending: &str) -> (Child, PathBuf) {
    begin(Command::new(HOLDER).arg(ending))
}

/// The same, with a node and a Pod.
fn holding_a_node(ending: &str) -> (Child, PathBuf) {
    begin(Command::new(HOLDER).args([ending, "node"]))
}

fn begin(holder: &mut Command) -> (Child, PathBuf) {
    let mut child = holder.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let folder = lines.find_map(|line| line.unwrap().strip_prefix("folder ").map(PathBuf::from)).unwrap();
    (child, folder)
}

#[test]
fn nothing_remains_of_a_holder_that_is_killed() {
    let (mut child, folder) = holding("wait");
    assert_eq!(processes_of(&folder).len(), 4, "supervisor, etcd, API server, controller manager");
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    assert_nothing_remains(&folder);
}

#[test]
fn nothing_remains_of_a_holder_that_panics() {
    let (mut child, folder) = holding("panic");
    assert!(!child.wait().unwrap().success());
    assert_nothing_remains(&folder);
}

#[test]
fn nothing_remains_of_a_holder_that_exits_with_a_shared_cluster() {
    let (mut child, folder) = holding("exit");
    assert!(child.wait().unwrap().success());
    assert_nothing_remains(&folder);
}

#[test]
fn nothing_remains_of_a_node_whose_holder_is_killed() {
    if !node_is_possible() {
        return;
    }
    let (mut child, folder) = holding_a_node("wait");
    let namespaces = namespaces_of(&folder);
    assert!(!remains_of_node(&folder, &namespaces).is_empty());
    child.kill().unwrap();
    child.wait().unwrap();
    assert_nothing_remains_of_node(&folder, &namespaces);
}

#[test]
fn nothing_remains_of_a_node_whose_holder_panics() {
    if !node_is_possible() {
        return;
    }
    let (mut child, folder) = holding_a_node("panic");
    assert!(!child.wait().unwrap().success());
    assert_nothing_remains(&folder);
    assert!(remains_of_node(&folder, &BTreeSet::new()).is_empty());
}

#[test]
fn nothing_remains_of_a_node_whose_supervisor_is_killed() {
    if !node_is_possible() {
        return;
    }
    let cluster = with_a_pod("orphan-node");
    let folder = cluster.data_dir().to_owned();
    let namespaces = namespaces_of(&folder);
    let supervisor = *processes_of(&folder).iter().min().unwrap();
    assert!(Command::new("kill").args(["-KILL", &supervisor.to_string()]).status().unwrap().success());
    cluster.stop().unwrap();
    assert_nothing_remains_of_node(&folder, &namespaces);
}

#[test]
fn a_killed_supervisor_takes_every_process_with_it() {
    let cluster = plain("orphan");
    let folder = cluster.data_dir().to_owned();
    let all = processes_of(&folder);
    let supervisor = all.iter().min().unwrap();
    assert!(Command::new("kill").args(["-KILL", &supervisor.to_string()]).status().unwrap().success());
    let remaining = (0..200).find(|_| {
        thread::sleep(Duration::from_millis(50));
        processes_of(&folder).is_empty()
    });
    assert!(remaining.is_some(), "{:?}", processes_of(&folder));
    let stopped = cluster.stop();
    assert!(!folder.exists(), "the holder removes what the supervisor could not: {stopped:?}");
}
