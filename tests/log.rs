//! The log lines of the process at its start and its end, as JSON.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, also in what its functions share")]

#[path = "log/command_line.rs"]
mod command_line;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

const KUBECONFIG: &str = r#"{
    "apiVersion": "v1", "kind": "Config", "current-context": "c",
    "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
    "users": [{"name": "u", "user": {"token": "t"}}],
    "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}]
}"#;

fn operator(kubeconfig: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_mtls-operator"))
        .args(["run", "--admin-address", "127.0.0.1:0", "--health-address", "127.0.0.1:0"])
        .args(["--watch-namespace", "webshop", "--endpoint-probes"])
        .env("KUBECONFIG", kubeconfig)
        .env_remove("KUBERNETES_SERVICE_HOST")
        .env_remove("POD_NAMESPACE")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn lines(operator: &mut Child) -> impl Iterator<Item = Value> + use<> {
    let stderr = BufReader::new(operator.stderr.take().unwrap());
    stderr.lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap())
}

#[test]
fn a_log_says_that_the_operator_starts_why_it_cannot_connect_and_that_it_stops() {
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    fs::write(&kubeconfig, KUBECONFIG).unwrap();
    let mut operator = operator(&kubeconfig);
    let mut lines = lines(&mut operator);
    let mut line = |what: &str| lines.find(|line| line["message"] == what).unwrap();
    let start = line("mtls-operator starts");
    assert_eq!(start["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!((&start["namespace"], &start["watch_namespaces"]), (&"mtls-system".into(), &"webshop".into()));
    assert_eq!(
        (&start["endpoint_probes"], &start["api_server"]),
        (&true.into(), &"https://127.0.0.1:1/".into())
    );
    let interrupted = line("a watch was interrupted");
    assert!(interrupted["error"].as_str().unwrap().contains("Connection refused"), "{interrupted}");
    let sent = Command::new("kill").args(["-TERM", &operator.id().to_string()]).status().unwrap();
    assert!(sent.success());
    assert_eq!(line("stops when what is in flight is finished")["signal"], "SIGTERM");
    assert!(operator.wait().unwrap().success());
}

#[test]
fn what_ends_the_process_is_a_line_of_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let mut operator = operator(&folder.path().join("missing"));
    let last = lines(&mut operator).last().unwrap();
    assert_eq!((&last["level"], &last["message"]), (&"ERROR".into(), &"mtls-operator ends".into()));
    assert!(last["error"].as_str().unwrap().contains("No such file"), "{last}");
    assert!(!operator.wait().unwrap().success());
}
