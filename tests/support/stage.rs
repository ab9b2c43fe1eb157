//! A stage for cluster tests: a real control plane, the chart installed by helm, and the operator running with
//! exactly the rights that the chart gives it.

use std::fmt::Debug;
use std::future::Future;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use devcluster::{Cluster, Options};
use futures::StreamExt as _;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::watcher::{self, watch_object};
use kube::{Client, Config, Resource};
use mtls_operator::api::conditions::find;
use mtls_operator::api::{MtlsAuthority, MtlsIdentity};
use mtls_operator::runtime::client::connect;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Namespace of the operator.
pub const SYSTEM: &str = "mtls-system";
/// Name of the operator's process on the stage.
pub const OPERATOR: &str = "operator";
/// Longest that anything on a busy machine may take.
const PATIENCE: Duration = Duration::from_secs(90);

/// One control plane with one operator.
pub struct Stage {
    /// The control plane.
    pub cluster: Mutex<Cluster>,
    admin: PathBuf,
    operator: PathBuf,
}

impl Stage {
    /// The stage that all tests of one program share; it goes when the program ends, however it ends.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Stage> = OnceLock::new();
        SHARED.get_or_init(|| Self::set(&[]))
    }

    /// A stage of its own, for tests that stop things. The chart is installed with these `--set` values.
    pub fn set(values: &[&str]) -> Self {
        let stage = Self::without_operator(values);
        stage.start_operator();
        stage
    }

    /// The same, with the operator not started yet.
    pub fn without_operator(values: &[&str]) -> Self {
        let cluster = Cluster::start(Options { fsync: false, ..Options::default() }).unwrap();
        install(&cluster, "mtls-operator", SYSTEM, values);
        let admin = cluster.admin_kubeconfig().to_owned();
        let operator = cluster.kubeconfig_for(SYSTEM, "mtls-operator").unwrap();
        Self { cluster: Mutex::new(cluster), admin, operator }
    }

    /// Starts the operator with the rights of its service account.
    pub fn start_operator(&self) {
        self.start_operator_as(OPERATOR, &[]);
    }

    /// Starts a replica of this name, with more flags; returns its pid.
    pub fn start_operator_as(&self, name: &str, flags: &[&str]) -> u32 {
        let kubeconfig = self.operator.display().to_string();
        start(&self.cluster.lock().unwrap(), name, SYSTEM, &kubeconfig, flags)
    }

    /// Installs the chart a second time, in another namespace, and starts an operator of that name there.
    pub fn start_other_operator(&self, namespace: &str) {
        let cluster = self.cluster.lock().unwrap();
        install(&cluster, namespace, namespace, &["crds.enabled=false", "aggregateClusterRoles=false"]);
        let kubeconfig = cluster.kubeconfig_for(namespace, &format!("{namespace}-mtls-operator")).unwrap();
        start(&cluster, namespace, namespace, &kubeconfig.display().to_string(), &[]);
    }

    /// Kills the operator.
    pub fn kill_operator(&self) {
        self.cluster.lock().unwrap().stop_program(OPERATOR).unwrap();
    }

    /// What the operator has logged.
    pub fn operator_log(&self) -> String {
        self.log_of(OPERATOR)
    }

    /// What a replica of this name has logged.
    pub fn log_of(&self, name: &str) -> String {
        let path = self.cluster.lock().unwrap().log_of(name);
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
        connect(config(&self.operator).await).unwrap()
    }

    /// A namespace of its own, and what a test does in it.
    pub async fn scene(&self) -> Scene {
        self.scene_labelled(&json!({})).await
    }

    /// The same, the namespace having these labels.
    pub async fn scene_labelled(&self, labels: &Value) -> Scene {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("scene-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let client = self.client().await;
        let namespace = json!({ "metadata": { "name": name, "labels": labels } });
        let namespace: Namespace = serde_json::from_value(namespace).unwrap();
        Api::all(client.clone()).create(&PostParams::default(), &namespace).await.unwrap();
        Scene { client, namespace: name }
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

/// A namespace, and what a test does in it. Waiting is by watches, never by sleeping.
pub struct Scene {
    /// A client with all rights.
    pub client: Client,
    /// The namespace.
    pub namespace: String,
}

impl Scene {
    /// Identities of the namespace.
    pub fn identities(&self) -> Api<MtlsIdentity> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Secrets of the namespace.
    pub fn secrets(&self) -> Api<Secret> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Secrets of the operator's namespace.
    pub fn system_secrets(&self) -> Api<Secret> {
        Api::namespaced(self.client.clone(), SYSTEM)
    }

    /// Authorities.
    pub fn authorities(&self) -> Api<MtlsAuthority> {
        Api::all(self.client.clone())
    }

    /// A name that no other scene uses, for what is cluster-scoped.
    pub fn unique(&self, name: &str) -> String {
        format!("{name}-{}", self.namespace)
    }

    /// Creates an identity with this spec.
    pub async fn create(&self, name: &str, spec: Value) -> MtlsIdentity {
        self.try_create(name, spec).await.unwrap()
    }

    /// Creates an identity with this spec, or says why the API server does not let it.
    pub async fn try_create(&self, name: &str, spec: Value) -> kube::Result<MtlsIdentity> {
        let object = json!({
            "apiVersion": "mtls-operator.dev/v1alpha1", "kind": "MtlsIdentity",
            "metadata": { "name": name, "namespace": self.namespace }, "spec": spec
        });
        create(
            &self.client,
            &format!("/apis/mtls-operator.dev/v1alpha1/namespaces/{}/mtlsidentities", self.namespace),
            &object,
        )
        .await
    }

    /// Creates an authority with this spec.
    pub async fn create_authority(&self, name: &str, spec: Value) -> MtlsAuthority {
        self.try_create_authority(name, spec).await.unwrap()
    }

    /// Creates an authority with this spec, or says why the API server does not let it.
    pub async fn try_create_authority(&self, name: &str, spec: Value) -> kube::Result<MtlsAuthority> {
        let object = json!({
            "apiVersion": "mtls-operator.dev/v1alpha1", "kind": "MtlsAuthority",
            "metadata": { "name": name }, "spec": spec
        });
        create(&self.client, "/apis/mtls-operator.dev/v1alpha1/mtlsauthorities", &object).await
    }

    /// Merge-patches an identity.
    pub async fn patch(&self, name: &str, patch: Value) -> kube::Result<MtlsIdentity> {
        self.identities().patch(name, &PatchParams::default(), &Patch::Merge(patch)).await
    }

    /// Merge-patches an authority.
    pub async fn patch_authority(&self, name: &str, patch: Value) -> kube::Result<MtlsAuthority> {
        self.authorities().patch(name, &PatchParams::default(), &Patch::Merge(patch)).await
    }

    /// Merge-patches a Secret of the namespace.
    pub async fn patch_secret(&self, name: &str, patch: Value) -> kube::Result<Secret> {
        self.secrets().patch(name, &PatchParams::default(), &Patch::Merge(patch)).await
    }

    /// Deletes a Secret of the namespace.
    pub async fn delete_secret(&self, name: &str) {
        self.secrets().delete(name, &DeleteParams::default()).await.unwrap();
    }

    /// Waits until an identity is Ready for its present generation, with this reason.
    pub async fn ready(&self, name: &str) -> MtlsIdentity {
        self.stands(name, "True", "Issued").await
    }

    /// Waits until `Ready` of an identity has this status and reason, for its present generation.
    pub async fn stands(&self, name: &str, status: &str, reason: &str) -> MtlsIdentity {
        let what = format!("{name} to be Ready={status} {reason}");
        self.identity_where(name, &what, |identity| {
            let current =
                identity.status.as_ref().and_then(|s| s.observed_generation) == identity.metadata.generation;
            let (is, why, _) = ready_of(identity);
            current && is == status && why == reason
        })
        .await
    }

    /// Waits until an identity is so.
    pub async fn identity_where(
        &self,
        name: &str,
        what: &str,
        is_so: impl Fn(&MtlsIdentity) -> bool,
    ) -> MtlsIdentity {
        wait(self.identities(), name, what, |identity| identity.filter(|identity| is_so(identity)).cloned())
            .await
    }

    /// Waits until an authority is so.
    pub async fn authority_where(
        &self,
        name: &str,
        what: &str,
        is_so: impl Fn(&MtlsAuthority) -> bool,
    ) -> MtlsAuthority {
        wait(self.authorities(), name, what, |authority| authority.filter(|a| is_so(a)).cloned()).await
    }

    /// Waits until `Ready` of an authority has this status and reason.
    pub async fn authority_stands(&self, name: &str, status: &str, reason: &str) -> MtlsAuthority {
        let what = format!("{name} to be Ready={status} {reason}");
        self.authority_where(name, &what, |authority| {
            let conditions = authority.status.as_ref().map_or(&[][..], |s| &s.conditions);
            find(conditions, "Ready").is_some_and(|c| c.status == status && c.reason == reason)
        })
        .await
    }

    /// Waits until a Secret is so.
    pub async fn secret_where(&self, name: &str, what: &str, is_so: impl Fn(&Secret) -> bool) -> Secret {
        wait(self.secrets(), name, what, |secret| secret.filter(|secret| is_so(secret)).cloned()).await
    }

    /// Waits until there is no Secret of this name.
    pub async fn secret_gone(&self, name: &str) {
        wait(self.secrets(), name, "the Secret to be gone", |secret| secret.is_none().then_some(())).await;
    }

    /// A Secret, as it is now.
    pub async fn secret(&self, name: &str) -> Secret {
        self.secrets().get(name).await.unwrap()
    }
}

async fn create<K: DeserializeOwned>(client: &Client, path: &str, object: &Value) -> kube::Result<K> {
    let request = http::Request::post(path).header("content-type", "application/json");
    client.request(request.body(serde_json::to_vec(object).unwrap()).unwrap()).await
}

/// Status, reason and message of an identity's `Ready` condition.
pub fn ready_of(identity: &MtlsIdentity) -> (String, String, String) {
    let conditions = identity.status.as_ref().map_or(&[][..], |status| &status.conditions);
    find(conditions, "Ready")
        .map_or_else(Default::default, |c| (c.status.clone(), c.reason.clone(), c.message.clone()))
}

/// Whether an identity is `Stalled`.
pub fn is_stalled(identity: &MtlsIdentity) -> bool {
    let conditions = identity.status.as_ref().map_or(&[][..], |status| &status.conditions);
    find(conditions, "Stalled").is_some_and(|condition| condition.status == "True")
}

/// One value of a Secret.
pub fn value(secret: &Secret, key: &str) -> Vec<u8> {
    secret.data.as_ref().and_then(|data| data.get(key)).map(|value| value.0.clone()).unwrap_or_default()
}

/// One annotation of an object.
pub fn note<K: Resource>(object: &K, key: &str) -> Option<String> {
    object.meta().annotations.as_ref()?.get(&format!("mtls-operator.dev/{key}")).cloned()
}

/// Watches one object until it is as wanted. On the way it remembers what it saw, for the message of a test that fails.
pub async fn wait<K, T>(api: Api<K>, name: &str, what: &str, wanted: impl Fn(Option<&K>) -> Option<T>) -> T
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Serialize + Send + 'static,
{
    let mut last = None;
    let watched = async {
        let mut stream = watch_object(api, name).boxed();
        loop {
            match stream.next().await {
                Some(Ok(object)) => {
                    if let Some(found) = wanted(object.as_ref()) {
                        return found;
                    }
                    last = object;
                }
                Some(Err(watcher::Error::NoResourceVersion)) | None => panic!("the watch for {what} ended"),
                Some(Err(_)) => tokio::task::yield_now().await,
            }
        }
    };
    let found = tokio::time::timeout(PATIENCE, watched).await;
    found
        .unwrap_or_else(|_| panic!("waited in vain for {what} ({name}); last seen: {}", shown(last.as_ref())))
}

/// What was seen last, without anything that may hold a key.
fn shown<K: Resource + Serialize>(object: Option<&K>) -> String {
    let Some(object) = object else { return "nothing".into() };
    let mut shown = serde_json::to_value(object).unwrap_or_default();
    shown.as_object_mut().map(|object| object.remove("data"));
    shown["metadata"].as_object_mut().map(|metadata| metadata.remove("managedFields"));
    serde_json::to_string_pretty(&shown).unwrap_or_default()
}

/// Asks until there is an answer.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    let asked = async {
        let mut pause = tokio::time::interval(Duration::from_millis(50));
        loop {
            pause.tick().await;
            if let Some(answer) = ask().await {
                return answer;
            }
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}
