//! helm and kubectl, as people use them.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::OnceLock;

use devcluster::{Cluster, Options};
use serde_json::Value;

pub const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/charts/mtls-operator");
pub const SYSTEM: &str = "mtls-system";

/// A control plane with the chart installed and the operator running as its service account.
pub struct Installed {
    pub cluster: Cluster,
}

impl Installed {
    /// The one that tests share which only add to it.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Installed> = OnceLock::new();
        SHARED.get_or_init(Self::new)
    }

    /// One where nothing is installed yet.
    pub fn bare() -> Self {
        let cluster = Cluster::start(Options { name: "chart".into(), ..Options::default() }).unwrap();
        Self { cluster }
    }

    /// One of its own.
    pub fn new() -> Self {
        let installed = Self::bare();
        installed.helm(&["install", "mtls-operator", CHART, "-n", SYSTEM, "--create-namespace"]);
        installed.start_operator();
        installed
    }

    pub fn start_operator(&self) {
        self.start_operator_in(SYSTEM);
    }

    /// Starts it in the namespace that the chart is installed in.
    pub fn start_operator_in(&self, namespace: &str) {
        let kubeconfig = self.cluster.kubeconfig_for(namespace, "mtls-operator").unwrap();
        let flags =
            ["run", "--namespace", namespace, "--admin-address", "127.0.0.1:0", "--log-format", "json"];
        let environment = [("KUBECONFIG", kubeconfig.to_str().unwrap())];
        let program = PathBuf::from(env!("CARGO_BIN_EXE_mtls-operator"));
        self.cluster.start_program("operator", &program, &flags, &environment).unwrap();
    }

    pub fn stop_operator(&self) {
        self.cluster.stop_program("operator").unwrap();
    }

    pub fn helm(&self, arguments: &[&str]) -> String {
        succeeded(self.cluster.helm().args(arguments))
    }

    pub fn kubectl(&self, arguments: &[&str]) -> String {
        succeeded(self.cluster.kubectl().args(arguments))
    }

    /// Lets accounts read status alone, by roles of this name: kubectl does that before it patches a status, and the operator
    /// never does.
    pub fn let_accounts_read_status(&self, name: &str) {
        let statuses = "mtlsidentities.mtls-operator.dev/status,mtlsauthorities.mtls-operator.dev/status";
        self.kubectl(&["create", "clusterrole", name, "--verb=get", "--resource", statuses]);
        let role = format!("--clusterrole={name}");
        self.kubectl(&["create", "clusterrolebinding", name, &role, "--group=system:serviceaccounts"]);
    }

    pub fn refused(&self, arguments: &[&str]) -> String {
        let output = self.cluster.kubectl().args(arguments).output().unwrap();
        assert!(!output.status.success(), "{arguments:?} was not refused");
        text(&output.stderr)
    }

    pub fn get(&self, arguments: &[&str]) -> Value {
        let words: Vec<&str> = ["get", "-o", "json"].iter().chain(arguments).copied().collect();
        serde_json::from_str(&self.kubectl(&words)).unwrap()
    }

    /// Waits until `Ready` of an object has this status.
    pub fn wait(&self, object: &str, namespace: &str, condition: &str) {
        self.kubectl(&["wait", object, "-n", namespace, &format!("--for={condition}"), "--timeout=90s"]);
    }
}

/// Renders the chart with these values.
pub fn render(values: &[&str]) -> Vec<Value> {
    let output = template(values);
    assert!(output.status.success(), "{values:?}: {}", text(&output.stderr));
    let documents = serde_norway::Deserializer::from_slice(&output.stdout);
    let values = documents.map(|document| <Value as serde::Deserialize>::deserialize(document).unwrap());
    values.filter(|value| !value.is_null()).collect()
}

/// What helm says against these values.
pub fn refusal(values: &[&str]) -> String {
    let output = template(values);
    assert!(!output.status.success(), "{values:?} was not refused");
    text(&output.stderr)
}

fn template(values: &[&str]) -> Output {
    let mut helm = Command::new(devcluster::tool("helm").unwrap());
    helm.args(["template", "mtls-operator", CHART, "-n", SYSTEM]);
    for value in values {
        helm.args(["--set", value]);
    }
    helm.output().unwrap()
}

pub fn succeeded(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
