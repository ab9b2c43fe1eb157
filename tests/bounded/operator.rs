//! The operator as a process of its own, in a control group. It ends with this value.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use serde_json::json;
use tempfile::TempDir;
use test_support::installation::{FREE_PORTS, SYSTEM};
use test_support::tools::source;

use crate::control_group::ControlGroup;

/// Names another program than the one that was built with the tests, to measure that.
const PROGRAM: &str = "MTLS_BOUNDED_OPERATOR";

/// The process, and the folder of its log.
pub struct Operator {
    process: Child,
    folder: TempDir,
}

impl Operator {
    /// Starts it in this group, for the API server at this address.
    pub fn start(group: &ControlGroup, server: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = folder.path().join("kubeconfig");
        fs::write(&kubeconfig, kubeconfig_for(server)).unwrap();
        let mut command = group.command(&program());
        command.args(["run", "--namespace", SYSTEM, "--log-format", "json"]).args(FREE_PORTS);
        // The authority is there, and there is no other replica.
        command.args(["--create-authority", "false", "--leader-election", "false"]);
        command.env("KUBECONFIG", &kubeconfig).env_remove("KUBERNETES_SERVICE_HOST");
        command.env_remove("POD_NAMESPACE").envs(environment_of_image());
        let log = File::create(log(&folder)).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        Self { process: command.spawn().unwrap(), folder }
    }

    /// Fails, with the end of its log, where it has ended.
    pub fn check(&mut self) {
        if let Some(status) = self.process.try_wait().unwrap() {
            panic!("the operator has ended: {status}\n{}", self.end_of_log());
        }
    }

    /// The last lines of its log.
    pub fn end_of_log(&self) -> String {
        let log = fs::read_to_string(log(&self.folder)).unwrap_or_default();
        let mut lines: Vec<_> = log.lines().rev().take(30).collect();
        lines.reverse();
        lines.join("\n")
    }

    /// The most resident octets that it has had.
    pub fn peak(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// Seconds of CPU that it has used.
    pub fn cpu(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks = |at: usize| fields[at].parse::<f64>().unwrap();
        // After the name: user time is the 12th, system time the 13th; in hundredths of a second.
        (ticks(11) + ticks(12)) / 100.0
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn program() -> PathBuf {
    let built = env!("CARGO_BIN_EXE_mtls-operator");
    std::env::var_os(PROGRAM).map_or_else(|| Path::new(built).to_owned(), PathBuf::from)
}

/// What the image sets for its program, as the allocator's settings.
fn environment_of_image() -> Vec<(String, String)> {
    let dockerfile = fs::read_to_string(source("deploy/Dockerfile")).unwrap();
    let lines = dockerfile.lines().filter_map(|line| line.strip_prefix("ENV ")?.split_once('='));
    lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn log(folder: &TempDir) -> PathBuf {
    folder.path().join("log")
}

fn kubeconfig_for(server: &str) -> String {
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{ "name": "c", "cluster": { "server": server } }],
        "users": [{ "name": "u", "user": {} }],
        "contexts": [{ "name": "c", "context": { "cluster": "c", "user": "u" } }],
    })
    .to_string()
}
