//! An API server, a control group with the memory that the operator may take, and the operator in it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use test_support::in_memory::api_server::ApiServer;
use test_support::tools::skip;
use test_support::wait::for_answer;

use crate::api::Api;
use crate::api::series::Series;
use crate::control_group::ControlGroup;
use crate::operator::Operator;

/// What the operator may take: half of the chart's limit.
const LIMIT: u64 = 128 << 20;
/// Longest wait on a busy machine: the operator of the tests, which is not optimised, reads 100,000 objects in half a minute of CPU.
const PATIENCE: Duration = Duration::from_mins(8);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(50);
/// The namespace of users who do their worst.
pub const HOSTILE: &str = "hostile";
/// The namespace of others.
pub const OTHER: &str = "orders";

const IDENTITIES: &str = "mtlsidentities";
const AUTHORITIES: &str = "mtlsauthorities";

/// What a test has.
pub struct World {
    pub api: Api,
    operator: Option<Operator>,
    group: ControlGroup,
}

impl World {
    /// An authority that has signed, and an operator that has stopped since. `None`, after a line that says why, where memory
    /// cannot be limited.
    pub async fn new(spec: &Value) -> Option<Self> {
        let group = ControlGroup::new(LIMIT).inspect_err(|why| skip("a limit of memory", why)).ok()?;
        let api = Api::start().await;
        for namespace in ["mtls-system", HOSTILE, OTHER] {
            api.shared.server.put("namespaces", &namespace_of(namespace));
        }
        let authority = json!({
            "apiVersion": "mtls-operator.dev/v1alpha1", "kind": "MtlsAuthority",
            "metadata": { "name": "mesh", "annotations": {} }, "spec": spec,
        });
        api.shared.server.put(AUTHORITIES, &authority);
        let mut world = Self { api, group, operator: None };
        world.start();
        world.issue("web").await;
        world.stop();
        Some(world)
    }

    /// The objects.
    pub fn server(&self) -> &ApiServer {
        &self.api.shared.server
    }

    /// Starts the operator, after the end of an earlier one.
    pub fn start(&mut self) {
        self.stop();
        self.operator = Some(Operator::start(&self.group, &self.api.address));
    }

    /// Kills the operator.
    pub fn stop(&mut self) {
        self.operator = None;
    }

    /// Adds objects of users who do their worst.
    pub fn add(&self, kind: &str, count: usize, object: Value) -> Arc<Series> {
        self.api.add(Series::new(kind, count, object))
    }

    /// Adds an identity, and waits until it is ready.
    pub async fn issue(&mut self, name: &str) {
        self.server().put(IDENTITIES, &identity(OTHER, name));
        self.until(&format!("the Secret of {name}"), |server| {
            server.get("secrets", OTHER, &format!("{name}-mtls"))
        })
        .await;
        let is_ready = |identity: &Value| identity["status"]["conditions"][0]["status"] == "True";
        self.until("its status", |server| server.get(IDENTITIES, OTHER, name).filter(is_ready)).await;
    }

    /// Waits for what the API server is to hold, as long as the operator lives.
    pub async fn until<T>(&mut self, what: &str, find: impl Fn(&ApiServer) -> Option<T>) -> T {
        let (operator, server) = (self.operator.as_mut().unwrap(), &self.api.shared.server);
        let found = for_answer(PATIENCE, PAUSE, what, || {
            operator.check();
            let found = find(server);
            async { Ok(found) }
        });
        found.await.unwrap()
    }

    /// A new identity gets its Secret, nothing was killed; prints how much memory was taken.
    pub async fn works_on(&mut self, after: &str) {
        self.issue(&format!("fresh-{}", self.server().version())).await;
        let operator = self.operator.as_ref().unwrap();
        #[allow(clippy::cast_precision_loss, reason = "it is printed")]
        let mib = |octets: u64| format!("{:.1} MiB", octets as f64 / f64::from(1 << 20));
        println!(
            "{after}: peak {} with pages of files, {} resident (VmHWM); now {} without pages of files; {:.1} s of CPU",
            mib(self.group.peak()),
            mib(operator.peak()),
            mib(self.group.anonymous()),
            operator.cpu(),
        );
        assert_eq!(self.group.kills(), 0, "the operator was killed for memory");
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(operator) = self.operator.as_ref().filter(|_| std::thread::panicking()) {
            println!("{}", operator.end_of_log());
        }
    }
}

/// A namespace.
pub fn namespace_of(name: &str) -> Value {
    json!({ "metadata": { "name": name, "labels": { "kubernetes.io/metadata.name": name } } })
}

/// An identity as it was just created.
pub fn identity(namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": "mtls-operator.dev/v1alpha1", "kind": "MtlsIdentity",
        "metadata": {
            "name": name, "namespace": namespace, "generation": 1, "resourceVersion": "1",
            "labels": {}, "annotations": {},
        },
        "spec": {}, "status": { "observedGeneration": -1 },
    })
}
