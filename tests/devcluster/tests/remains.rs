//! However the holder of a cluster ends, no process and no file remains.
//!
//! The holder is this test binary, run again with a variable that makes one of its tests start a cluster and come to
//! its end.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its own functions too")]

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use devcluster::{Cluster, Options};

const ENDING: &str = "DEVCLUSTER_TEST_ENDING";
static SHARED: OnceLock<Cluster> = OnceLock::new();

/// Not a law: the holder, when one of the tests below runs it.
#[test]
fn holder() {
    let Ok(ending) = env::var(ENDING) else { return };
    let cluster = Cluster::start(Options { name: "remains".into(), ..Options::default() }).unwrap();
    eprintln!("folder {}", cluster.data_dir().display());
    match ending.as_str() {
        "panic" => panic!("as asked"),
        "exit" => {
            SHARED.get_or_init(|| cluster);
            process::exit(0);
        }
        _ => thread::park(),
    }
}

/// A holder with a cluster that is ready, and the cluster's folder.
fn holding(ending: &str) -> (Child, PathBuf) {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "holder", "--nocapture"])
        .env(ENDING, ending)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let folder = lines.find_map(|line| line.unwrap().strip_prefix("folder ").map(PathBuf::from)).unwrap();
    (child, folder)
}

/// The processes whose command line names the folder.
fn processes_of(folder: &Path) -> Vec<u32> {
    let name = folder.to_str().unwrap();
    let pids =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter(|pid| {
        let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&command).contains(name)
    })
    .collect()
}

fn assert_nothing_remains(folder: &Path) {
    // About ten seconds; a good end takes a fraction of one.
    for _ in 0..200 {
        if !folder.exists() && processes_of(folder).is_empty() {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("{} exists: {}, processes {:?}", folder.display(), folder.exists(), processes_of(folder));
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
fn a_killed_supervisor_takes_every_process_with_it() {
    let cluster = Cluster::start(Options { name: "orphan".into(), ..Options::default() }).unwrap();
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

#[test]
fn a_retained_cluster_outlives_its_starter_until_it_is_taken_down() {
    let cache = env::temp_dir().join(format!("devcluster-test-cache-{}", process::id()));
    let assets = devcluster::tool("kubectl").unwrap().parent().unwrap().to_owned();
    let devcluster = |verb: &str| {
        Command::new(env!("CARGO_BIN_EXE_devcluster"))
            .arg(verb)
            .env("MTLS_OPERATOR_CACHE", &cache)
            .env("KUBEBUILDER_ASSETS", &assets)
            .output()
            .unwrap()
    };
    let up = devcluster("up");
    let told = String::from_utf8(up.stdout).unwrap();
    let kubeconfig = told.lines().find_map(|line| line.trim().strip_prefix("export KUBECONFIG=")).unwrap();
    let folder = Path::new(kubeconfig).parent().unwrap().to_owned();
    let kubectl = devcluster::tool("kubectl").unwrap();
    let ready = Command::new(kubectl).env("KUBECONFIG", kubeconfig).args(["get", "--raw=/readyz"]).status();
    assert!(ready.unwrap().success());
    let again = devcluster("up");
    assert!(String::from_utf8(again.stderr).unwrap().contains("already up"));

    assert!(devcluster("down").status.success());
    assert_nothing_remains(&folder);
    assert!(!devcluster("down").status.success());
    fs::remove_dir_all(cache).unwrap();
}
