//! A shell for the commands of documents: a folder with kubectl, helm, jq, the chart, and what earlier commands saved.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::process::Command;

use devcluster::Cluster;
use tempfile::TempDir;

use crate::cluster::TestCluster;
use crate::installation::succeed;
use crate::tools::require_tool;
use crate::{Failure, REPOSITORY};

/// What stands in for programs that need a key, an engine for images or a registry.
const STAND_INS: [(&str, &str); 3] = [
    // A backup that is tried is kept as it is.
    ("gpg", "if [ \"$1\" = --decrypt ]; then cat \"$2\"; else cat; fi"),
    // Says what it would do, with the real Makefile.
    ("make", "exec REAL_MAKE -n -C REPOSITORY ARCH=amd64 \"$@\" > made"),
    // Copies what was made.
    ("skopeo", "file=${2#oci-archive:} && [ \"$file\" != \"$2\" ] && grep -q -F \"$file\" made"),
];

/// A folder to work in.
pub struct Shell {
    folder: TempDir,
    path: std::ffi::OsString,
}

impl Shell {
    /// `None` where there is no jq, or no make.
    pub fn new() -> Option<Self> {
        let (jq, make) = (require_tool("jq")?, require_tool("make")?);
        let folder = tempfile::tempdir().unwrap();
        for (name, script) in STAND_INS {
            let program = folder.path().join(name);
            let script =
                script.replace("REAL_MAKE", make.to_str().unwrap()).replace("REPOSITORY", REPOSITORY);
            fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let checkout = folder.path().join("checkout");
        fs::create_dir(&checkout).unwrap();
        for part in ["charts", "crds", "deploy", "docs"] {
            symlink(PathBuf::from(REPOSITORY).join(part), checkout.join(part)).unwrap();
        }
        let mut programs = vec![folder.path().to_owned()];
        let tools = ["kubectl", "helm"].map(|name| devcluster::tool(name).unwrap());
        programs.extend(tools.iter().chain([&jq]).map(|program| program.parent().unwrap().to_owned()));
        let system = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(programs.into_iter().chain(std::env::split_paths(&system))).unwrap();
        Some(Self { folder, path })
    }

    /// A file beside the documents, which commands name.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("checkout").join(name)
    }

    /// Runs pasted commands on a cluster, up to the first that fails.
    pub fn run(&self, on: &TestCluster, commands: &str) -> String {
        self.run_on(on.control_plane(), commands).unwrap()
    }

    /// The same, for programs that say why they fail.
    pub fn run_on(&self, cluster: &Cluster, commands: &str) -> Result<String, Failure> {
        succeed(self.command(commands).envs(cluster.environment()))
    }

    /// Runs pasted commands that need no cluster, up to the first that fails.
    pub fn run_locally(&self, commands: &str) -> String {
        succeed(&mut self.command(commands)).unwrap()
    }

    fn command(&self, commands: &str) -> Command {
        let mut shell = Command::new("bash");
        shell.args(["-euo", "pipefail", "-c", commands]).current_dir(self.file("")).env("PATH", &self.path);
        shell
    }
}
