//! Claims of a node: Pods reach each other, and a changed Secret reaches its Pod.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its own functions too")]

#[path = "support/node.rs"]
mod support;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use devcluster::{Cluster, NodeOptions, Options, pack_image};
use support::{node_is_possible, skip_or_fail};

const PODS: &str = include_str!("node/pods.yaml");

const BUSYBOX: &str = "/bin/busybox";

fn pods_are_possible() -> bool {
    node_is_possible()
        && (Path::new(BUSYBOX).exists()
            || skip_or_fail("apt-get install --no-install-recommends busybox-static"))
}

fn start(name: &str) -> Cluster {
    let node = NodeOptions { sync_frequency: Some(Duration::from_secs(1)), ..NodeOptions::default() };
    Cluster::start(Options { name: name.into(), node: Some(node), ..Options::default() }).unwrap()
}

/// With Pods that run.
fn with_pods(name: &str) -> Cluster {
    let cluster = start(name);
    cluster.import_image(&busybox(cluster.data_dir())).unwrap();
    let manifest = cluster.data_dir().join("pods.yaml");
    fs::write(&manifest, PODS).unwrap();
    succeed(cluster.kubectl().args(["apply", "-f"]).arg(&manifest));
    succeed(cluster.kubectl().args(["wait", "--for=condition=Ready", "pod", "--all", "--timeout=120s"]));
    cluster
}

/// An image with nothing but the static busybox.
fn busybox(folder: &Path) -> std::path::PathBuf {
    let root = folder.join("busybox");
    fs::create_dir_all(root.join("bin")).unwrap();
    fs::copy(BUSYBOX, root.join("bin/busybox")).unwrap();
    let archive = folder.join("busybox.tar");
    pack_image(&archive, "devcluster.test/busybox:1", &root, &["/bin/busybox"]).unwrap();
    archive
}

fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// What a command in the client's Pod writes, once it succeeds and writes this.
fn eventually(cluster: &Cluster, expected: &str, words: &[&str]) {
    let mut last = String::new();
    // About a minute; a good answer takes a second.
    for _ in 0..300 {
        let output = in_client(cluster, words).output().unwrap();
        last = format!("{output:?}");
        if output.status.success() && String::from_utf8_lossy(&output.stdout).trim_end() == expected {
            return;
        }
        thread::sleep(Duration::from_millis(200));
    }
    panic!("{words:?} never said {expected:?}: {last}");
}

fn in_client(cluster: &Cluster, words: &[&str]) -> Command {
    let mut command = cluster.kubectl();
    command.args(["exec", "client", "--", "/bin/busybox"]).args(words);
    command
}

#[test]
fn a_pod_reaches_another_by_the_name_of_its_service() {
    if !pods_are_possible() {
        return;
    }
    let cluster = with_pods("names");
    eventually(&cluster, "server", &["wget", "-q", "-O-", "http://server.default.svc.cluster.local/name"]);
    eventually(&cluster, "server", &["wget", "-q", "-O-", "http://server/name"]);
    assert_eq!(succeed(cluster.kubectl().args(["logs", "server"])), "serving");

    let address = succeed(cluster.kubectl().args(["get", "service/server", "-ojsonpath={.spec.clusterIP}"]));
    let from_node = ["-q", "-O-", &format!("http://{address}/name")].map(str::to_owned);
    let mut wget = cluster.command_on_node(BUSYBOX).unwrap();
    assert_eq!(succeed(wget.arg("wget").args(from_node)), "server");
    cluster.stop().unwrap();
}

#[test]
fn a_changed_secret_reaches_its_pod_also_after_the_kubelet_crashed() {
    if !pods_are_possible() {
        return;
    }
    let cluster = with_pods("secret");
    let change_to = |word: &str| {
        let patch = format!(r#"{{"stringData": {{"word": "{word}"}}}}"#);
        succeed(cluster.kubectl().args(["patch", "secret", "word", "--patch", &patch]));
    };
    let read = ["cat", "/secret/word"];
    assert_eq!(succeed(&mut in_client(&cluster, &read)), "first");
    change_to("second");
    eventually(&cluster, "second", &read);

    let started = ["get", "pods", "-ojsonpath={.items[*].status.containerStatuses[*].containerID}"];
    let containers = succeed(cluster.kubectl().args(started));
    cluster.restart_kubelet().unwrap();
    change_to("third");
    eventually(&cluster, "third", &read);
    assert_eq!(succeed(cluster.kubectl().args(started)), containers, "Pods do not notice");
    cluster.stop().unwrap();
}

#[test]
fn what_is_asked_of_a_node_that_is_not_there_is_refused() {
    let cluster = Cluster::start(Options { name: "alone".into(), ..Options::default() }).unwrap();
    for refused in [cluster.restart_kubelet(), cluster.import_image(Path::new("x.tar"))] {
        assert!(refused.unwrap_err().to_string().contains("has no node"));
    }
}
