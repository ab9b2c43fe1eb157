//! A cluster that `devcluster up` made stays until `down`, which leaves nothing.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::{env, fs};

use devcluster::{NODE_TOOLS, TOOLS, pack_image};

use crate::support::node_is_possible;
use crate::traces::{assert_nothing_remains, assert_nothing_remains_of_node, namespaces_of};

/// `devcluster` with a cache of its own, so that it never finds a person's cluster.
struct Hand {
    cache: PathBuf,
}

impl Hand {
    fn new(name: &str) -> Self {
        let cache = env::temp_dir().join(format!("devcluster-test-{name}-{}", process::id()));
        fs::create_dir(&cache).unwrap();
        Self { cache }
    }

    /// Tools that are there already, so that none is built into the new cache.
    fn with(self, tools: &[&str]) -> Self {
        for name in tools {
            symlink(devcluster::tool(name).unwrap(), self.cache.join(name)).unwrap();
        }
        self
    }

    fn devcluster(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_devcluster"));
        command
            .args(arguments)
            .env("MTLS_OPERATOR_CACHE", &self.cache)
            .env("KUBEBUILDER_ASSETS", &self.cache);
        command
    }

    /// The kubeconfig that `up` names.
    fn up(&self, arguments: &[&str]) -> PathBuf {
        let up = self.devcluster(&[&["up"], arguments].concat()).output().unwrap();
        let told = String::from_utf8(up.stdout).unwrap();
        let kubeconfig = told.lines().find_map(|line| line.trim().strip_prefix("export KUBECONFIG="));
        kubeconfig.unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&up.stderr))).into()
    }

    fn succeeds(&self, arguments: &[&str]) -> bool {
        self.devcluster(arguments).output().unwrap().status.success()
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        let _ = self.devcluster(&["down"]).output();
        let _ = fs::remove_dir_all(&self.cache);
    }
}

fn kubectl(kubeconfig: &Path, arguments: &[&str]) -> bool {
    let kubectl = devcluster::tool("kubectl").unwrap();
    Command::new(kubectl).env("KUBECONFIG", kubeconfig).args(arguments).status().unwrap().success()
}

#[test]
fn a_retained_cluster_outlives_its_starter_until_it_is_taken_down() {
    let hand = Hand::new("cluster").with(&TOOLS);
    let kubeconfig = hand.up(&[]);
    assert!(kubectl(&kubeconfig, &["get", "--raw=/readyz"]));
    let again = hand.devcluster(&["up"]).output().unwrap();
    assert!(String::from_utf8(again.stderr).unwrap().contains("already up"));

    assert!(hand.succeeds(&["down"]));
    assert_nothing_remains(kubeconfig.parent().unwrap());
    assert!(!hand.succeeds(&["down"]));
}

#[test]
fn a_retained_node_takes_images_and_leaves_nothing() {
    if !node_is_possible() {
        return;
    }
    let hand = Hand::new("node").with(&TOOLS).with(&NODE_TOOLS);
    let kubeconfig = hand.up(&["--node"]);
    let folder = kubeconfig.parent().unwrap();
    let root = folder.join("root");
    fs::create_dir(&root).unwrap();
    fs::copy(devcluster::tool("pause").unwrap(), root.join("program")).unwrap();
    let archive = folder.join("image.tar");
    pack_image(&archive, "devcluster.test/later:1", &root, &["/program"]).unwrap();
    assert!(hand.succeeds(&["import", archive.to_str().unwrap()]));
    let run = ["run", "pod", "--image=devcluster.test/later:1", "--image-pull-policy=Never"];
    assert!(kubectl(&kubeconfig, &run));
    assert!(kubectl(&kubeconfig, &["wait", "--for=condition=Ready", "pod/pod", "--timeout=120s"]));

    let namespaces = namespaces_of(folder);
    assert!(hand.succeeds(&["down"]));
    assert_nothing_remains_of_node(folder, &namespaces);
}
