//! Where a tool comes from: `KUBEBUILDER_ASSETS`, then the cache, then `PATH` if the version fits; else it is built, with
//! a message of how long that takes. What is found and what builds are scripts here.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its own functions too")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// In place of Go: what is to be built is a file of any content.
const GO: &str = "for word in \"$@\"; do case $word in -o=*) echo built > \"${word#-o=}\";; esac; done";

/// Folders where tools are looked for, all of them empty but for Go.
struct Machine(PathBuf);

/// What was answered: the tool's path, and what was said on the way.
struct Answer {
    path: PathBuf,
    said: String,
}

impl Machine {
    fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("devcluster-tools-{name}"));
        drop(fs::remove_dir_all(&folder));
        let machine = Self(folder);
        machine.put("path", "go", GO);
        machine
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn put(&self, folder: &str, name: &str, script: &str) -> PathBuf {
        let folder = self.folder(folder);
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// Asks for kubectl.
    fn ask(&self) -> Answer {
        let mut devcluster = Command::new(env!("CARGO_BIN_EXE_devcluster"));
        devcluster.args(["tools", "kubectl"]).env_clear().env("PATH", self.folder("path"));
        devcluster.env("MTLS_OPERATOR_CACHE", self.folder("cache"));
        let output = devcluster.env("KUBEBUILDER_ASSETS", self.folder("assets")).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{said}");
        let told = String::from_utf8(output.stdout).unwrap();
        Answer { path: PathBuf::from(told.split_whitespace().last().unwrap()), said }
    }
}

/// A kubectl of this version, by its own account.
fn kubectl(version: &str) -> String {
    format!("echo 'Client Version: {version}'")
}

/// The version that is pinned, and one of the minor before it.
fn versions() -> [String; 2] {
    let pinned = include_str!("../tools/go.mod");
    let version = pinned.lines().find_map(|line| line.trim().strip_prefix("k8s.io/kubernetes v")).unwrap();
    let version = version.split_whitespace().next().unwrap();
    let minor: u32 = version.split('.').nth(1).unwrap().parse().unwrap();
    [format!("v{version}"), format!("v1.{}.0", minor - 1)]
}

fn is_in(path: &Path, folder: &Path) -> bool {
    path.starts_with(folder)
}

#[test]
fn what_is_nowhere_is_built_once_into_the_cache_and_says_how_long_that_takes() {
    let machine = Machine::new("nowhere");
    let [pinned, _] = versions();
    let first = machine.ask();
    assert!(is_in(&first.path, &machine.folder("cache")) && first.path.is_file());
    let said = format!("building kubectl {pinned} from source (the first time about 1 min on two cores)");
    assert!(first.said.contains(&said), "{}", first.said);
    let second = machine.ask();
    assert_eq!((second.path, second.said.as_str()), (first.path, ""));
}

#[test]
fn one_on_the_path_is_taken_if_its_version_fits_and_the_cache_has_none() {
    let machine = Machine::new("path");
    let [pinned, older] = versions();
    let found = machine.put("path", "kubectl", &kubectl(&pinned));
    assert_eq!(machine.ask().path, found);
    machine.put("path", "kubectl", &kubectl(&older));
    let built = machine.ask().path;
    assert!(is_in(&built, &machine.folder("cache")), "{} is of another version", found.display());
    machine.put("path", "kubectl", &kubectl(&pinned));
    assert_eq!(machine.ask().path, built, "the cache goes before PATH");
}

#[test]
fn what_the_environment_names_goes_before_all_else_whatever_its_version() {
    let machine = Machine::new("named");
    let [pinned, older] = versions();
    machine.put("path", "kubectl", &kubectl(&pinned));
    machine.ask();
    let named = machine.put("assets", "kubectl", &kubectl(&older));
    assert_eq!(machine.ask().path, named);
}
