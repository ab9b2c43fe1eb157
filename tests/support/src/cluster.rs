//! A cluster for tests: a real control plane, the chart installed by helm, and the operator running with exactly the
//! rights that the chart gives it. What fails fails the test.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use devcluster::{Cluster, Options};
use k8s_openapi::api::core::v1::Namespace;
use kube::Client;
use kube::api::{Api, PostParams};
use serde_json::{Value, json};

use crate::installation::{Installation, Operator, RELEASE, get};
pub use crate::installation::{OPERATOR, SYSTEM};
use crate::namespace::TestNamespace;
use crate::wait::until;

/// One control plane with one operator.
pub struct TestCluster {
    installation: Installation,
}

impl TestCluster {
    /// The cluster that tests of one program share which only add to it; it goes when the program ends, however it ends.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<TestCluster> = OnceLock::new();
        SHARED.get_or_init(|| Self::new(&[]))
    }

    /// A cluster of its own, for tests that stop things. The chart is installed with these `--set` values.
    pub fn new(values: &[&str]) -> Self {
        let cluster = Self::without_operator(values);
        cluster.start_operator();
        cluster.wait_for_first_authority();
        cluster
    }

    /// The same, with the operator not started yet.
    pub fn without_operator(values: &[&str]) -> Self {
        let cluster = Self::bare();
        cluster.installation.install(RELEASE, SYSTEM, values).unwrap();
        cluster
    }

    /// One where nothing is installed yet.
    pub fn bare() -> Self {
        Self::bare_with(Options::default())
    }

    /// The same, the control plane having these options.
    pub fn bare_with(options: Options) -> Self {
        let options = Options { fsync: false, ..options };
        Self { installation: Installation::start(options).unwrap() }
    }

    /// The control plane.
    pub const fn control_plane(&self) -> &Cluster {
        &self.installation.cluster
    }

    /// Starts the operator with the rights of its service account.
    pub fn start_operator(&self) {
        self.start(&Operator::default());
    }

    /// Starts it in the namespace that the chart is installed in.
    pub fn start_operator_in(&self, namespace: &str) {
        self.start(&Operator { namespace, ..Operator::default() });
    }

    /// Starts a replica of this name, with more flags; returns its pid.
    pub fn start_operator_as(&self, name: &str, flags: &[&str]) -> u32 {
        self.start(&Operator { name, flags, ..Operator::default() })
    }

    /// Installs the chart a second time, in another namespace, and starts an operator of that name there.
    pub fn start_other_operator(&self, namespace: &str) {
        let values = ["crds.enabled=false", "rbac.aggregateClusterRoles=false"];
        self.installation.install(namespace, namespace, &values).unwrap();
        let account = &format!("{namespace}-mtls-operator");
        self.start(&Operator { name: namespace, namespace, account, flags: &[] });
    }

    /// Waits until the operator has created its authority. It does so only while there is none: a test that creates another one
    /// waits before.
    pub fn wait_for_first_authority(&self) {
        self.kubectl(&["wait", "mtlsauthority/mesh", "--for=create", "--timeout=90s"]);
    }

    fn start(&self, operator: &Operator<'_>) -> u32 {
        self.installation.start_operator(operator).unwrap()
    }

    /// Kills the operator.
    pub fn stop_operator(&self) {
        self.installation.stop_operator(OPERATOR).unwrap();
    }

    /// What the operator has logged.
    pub fn operator_log(&self) -> String {
        self.log_of(OPERATOR)
    }

    /// What a replica of this name has logged.
    pub fn log_of(&self, name: &str) -> String {
        self.installation.log_of(name)
    }

    /// What a replica answers on its admin port: headers and body.
    pub async fn admin_page(&self, name: &str, path: &str) -> String {
        let address = until("the operator to log its admin address", || async {
            self.installation.admin_address(name)
        });
        get(&address.await, path).await.unwrap()
    }

    /// What a replica answers on its health port: headers and body.
    pub async fn health_page(&self, name: &str, path: &str) -> String {
        let address = until("the operator to log its health address", || async {
            self.installation.health_address(name)
        });
        get(&address.await, path).await.unwrap()
    }

    /// A client with all rights.
    pub async fn client(&self) -> Client {
        Client::try_from(self.installation.admin_config().await.unwrap()).unwrap()
    }

    /// A client with the rights of the operator.
    pub async fn operator_client(&self) -> Client {
        self.installation.operator_client().await.unwrap()
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

/// What people do by helm and kubectl.
impl TestCluster {
    /// Runs helm; returns what it prints.
    pub fn helm(&self, arguments: &[&str]) -> String {
        self.installation.helm(arguments).unwrap()
    }

    /// Runs kubectl; returns what it prints.
    pub fn kubectl(&self, arguments: &[&str]) -> String {
        self.installation.kubectl(arguments).unwrap()
    }

    /// What kubectl says as it fails.
    pub fn refused(&self, arguments: &[&str]) -> String {
        let output = self.control_plane().kubectl().args(arguments).output().unwrap();
        assert!(!output.status.success(), "{arguments:?} was not refused");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// An object or a list, by `kubectl get` with these arguments.
    pub fn get(&self, arguments: &[&str]) -> Value {
        let words: Vec<&str> = ["get", "-o", "json"].iter().chain(arguments).copied().collect();
        serde_json::from_str(&self.kubectl(&words)).unwrap()
    }

    /// Applies an object.
    pub fn apply(&self, object: &Value) {
        self.installation.apply(&object.to_string()).unwrap();
    }

    /// Waits for a condition of an object.
    pub fn wait(&self, object: &str, namespace: &str, condition: &str) {
        self.kubectl(&["wait", object, "-n", namespace, &format!("--for={condition}"), "--timeout=90s"]);
    }

    /// Lets accounts read status alone, by roles of this name: kubectl does that before it patches a status, and the operator
    /// never does.
    pub fn let_accounts_read_status(&self, name: &str) {
        let statuses = "mtlsidentities.mtls-operator.dev/status,mtlsauthorities.mtls-operator.dev/status";
        self.kubectl(&["create", "clusterrole", name, "--verb=get", "--resource", statuses]);
        let role = format!("--clusterrole={name}");
        self.kubectl(&["create", "clusterrolebinding", name, &role, "--group=system:serviceaccounts"]);
    }
}
