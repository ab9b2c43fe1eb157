//! A shell for the commands of a runbook: a folder with kubectl, helm, jq, the chart, and what earlier commands saved.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::REPOSITORY;
use crate::cluster::TestCluster;
use crate::installation::succeed;
use crate::tools::require_tool;

/// Keeps what it is given: a backup that is tried needs no key.
const GPG: &str = "#!/bin/sh\nif [ \"$1\" = --decrypt ]; then cat \"$2\"; else cat; fi\n";

/// A folder to work in.
pub struct Shell {
    folder: TempDir,
    path: std::ffi::OsString,
}

impl Shell {
    /// `None` where there is no jq.
    pub fn new() -> Option<Self> {
        let jq = require_tool("jq")?;
        let folder = tempfile::tempdir().unwrap();
        let gpg = folder.path().join("gpg");
        fs::write(&gpg, GPG).unwrap();
        fs::set_permissions(&gpg, fs::Permissions::from_mode(0o755)).unwrap();
        for part in ["charts", "crds", "docs"] {
            symlink(PathBuf::from(REPOSITORY).join(part), folder.path().join(part)).unwrap();
        }
        let tools = ["kubectl", "helm"].map(|name| devcluster::tool(name).unwrap());
        let programs = tools.iter().chain([&gpg, &jq]).map(|program| program.parent().unwrap().to_owned());
        let system = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(programs.chain(std::env::split_paths(&system))).unwrap();
        Some(Self { folder, path })
    }

    /// Runs pasted commands on a cluster, up to the first that fails.
    pub fn run(&self, on: &TestCluster, commands: &str) -> String {
        let mut shell = Command::new("bash");
        shell.args(["-euo", "pipefail", "-c", commands]).current_dir(self.folder.path());
        succeed(shell.envs(on.control_plane().environment()).env("PATH", &self.path)).unwrap()
    }
}
