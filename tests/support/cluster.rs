//! A cluster for tests: a real control plane, the chart installed by helm, and the operator running with
//! exactly the rights that the chart gives it.

mod namespace;
mod wait;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};

use devcluster::{Cluster, Options};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use mtls_operator::runtime::client::connect;
use mtls_operator::runtime::clock::Clock;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub use namespace::TestNamespace;
#[allow(unused_imports, reason = "each test program uses a part of it")]
pub use wait::{is_stalled, note, ready_of, until, value, wait};

/// Namespace of the operator.
pub const SYSTEM: &str = "mtls-system";
/// Name of the operator's process.
pub const OPERATOR: &str = "operator";

/// One control plane with one operator.
pub struct TestCluster {
    /// The control plane.
    pub control_plane: Mutex<Cluster>,
    admin: PathBuf,
    operator: PathBuf,
}

impl TestCluster {
    /// The cluster that all tests of one program share; it goes when the program ends, however it ends.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<TestCluster> = OnceLock::new();
        SHARED.get_or_init(|| Self::set(&[]))
    }

    /// A cluster of its own, for tests that stop things. The chart is installed with these `--set` values.
    pub fn set(values: &[&str]) -> Self {
        let cluster = Self::without_operator(values);
        cluster.start_operator();
        cluster
    }

    /// The same, with the operator not started yet.
    pub fn without_operator(values: &[&str]) -> Self {
        let cluster = Cluster::start(Options { fsync: false, ..Options::default() }).unwrap();
        install(&cluster, "mtls-operator", SYSTEM, values);
        let admin = cluster.admin_kubeconfig().to_owned();
        let operator = cluster.kubeconfig_for(SYSTEM, "mtls-operator").unwrap();
        Self { control_plane: Mutex::new(cluster), admin, operator }
    }

    /// Starts the operator with the rights of its service account.
    pub fn start_operator(&self) {
        self.start_operator_as(OPERATOR, &[]);
    }

    /// Starts a replica of this name, with more flags; returns its pid.
    pub fn start_operator_as(&self, name: &str, flags: &[&str]) -> u32 {
        let kubeconfig = self.operator.display().to_string();
        start(&self.control_plane.lock().unwrap(), name, SYSTEM, &kubeconfig, flags)
    }

    /// Installs the chart a second time, in another namespace, and starts an operator of that name there.
    pub fn start_other_operator(&self, namespace: &str) {
        let cluster = self.control_plane.lock().unwrap();
        install(&cluster, namespace, namespace, &["crds.enabled=false", "rbac.aggregateClusterRoles=false"]);
        let kubeconfig = cluster.kubeconfig_for(namespace, &format!("{namespace}-mtls-operator")).unwrap();
        start(&cluster, namespace, namespace, &kubeconfig.display().to_string(), &[]);
    }

    /// Kills the operator.
    pub fn kill_operator(&self) {
        self.control_plane.lock().unwrap().stop_program(OPERATOR).unwrap();
    }

    /// What the operator has logged.
    pub fn operator_log(&self) -> String {
        self.log_of(OPERATOR)
    }

    /// What a replica of this name has logged.
    pub fn log_of(&self, name: &str) -> String {
        let path = self.control_plane.lock().unwrap().log_of(name);
        std::fs::read_to_string(path).unwrap_or_default()
    }

    /// What a replica answers on its admin port: headers and body.
    pub async fn admin_page(&self, name: &str, path: &str) -> String {
        let address = self.admin_address(name).await;
        let mut socket = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: operator\r\nConnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        answer
    }

    /// Address of a replica's admin port, from its log.
    async fn admin_address(&self, name: &str) -> String {
        let find = || {
            let log = self.log_of(name);
            let line = log.lines().rev().find(|line| line.contains("admin server listens"))?;
            let line: Value = serde_json::from_str(line).ok()?;
            line["address"].as_str().map(str::to_owned)
        };
        until("the operator to log its admin address", || async { find() }).await
    }

    /// A client with all rights.
    pub async fn client(&self) -> Client {
        client(&self.admin).await
    }

    /// A client as the operator makes it, with the rights of the operator.
    pub async fn operator_client(&self) -> Client {
        connect(config(&self.operator).await, Clock::system()).unwrap()
    }

    /// A namespace of its own, and what a test does in it.
    pub async fn namespace(&self) -> TestNamespace {
        self.namespace_labelled(&json!({})).await
    }

    /// The same, the namespace having these labels.
    pub async fn namespace_labelled(&self, labels: &Value) -> TestNamespace {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let client = self.client().await;
        let namespace = json!({ "metadata": { "name": name, "labels": labels } });
        let namespace: Namespace = serde_json::from_value(namespace).unwrap();
        Api::all(client.clone()).create(&PostParams::default(), &namespace).await.unwrap();
        TestNamespace { client, name }
    }
}

/// Installs the chart.
fn install(cluster: &Cluster, release: &str, namespace: &str, values: &[&str]) {
    let mut helm = cluster.helm();
    helm.args(["install", release, concat!(env!("CARGO_MANIFEST_DIR"), "/charts/mtls-operator")]);
    helm.args(["-n", namespace, "--create-namespace"]);
    for value in values {
        helm.args(["--set", value]);
    }
    let installed = helm.output().unwrap();
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
}

/// Starts an operator; returns its pid.
fn start(cluster: &Cluster, name: &str, namespace: &str, kubeconfig: &str, flags: &[&str]) -> u32 {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_mtls-operator"));
    let args = ["run", "--namespace", namespace, "--admin-address", "127.0.0.1:0", "--log-format", "json"];
    let args: Vec<&str> = args.iter().chain(flags).copied().collect();
    cluster.start_program(name, &program, &args, &[("KUBECONFIG", kubeconfig), ("POD_NAME", name)]).unwrap()
}

async fn client(kubeconfig: &PathBuf) -> Client {
    Client::try_from(config(kubeconfig).await).unwrap()
}

async fn config(kubeconfig: &PathBuf) -> Config {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
    Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap()
}
