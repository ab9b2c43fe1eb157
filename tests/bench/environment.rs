//! The control plane, the chart and the operator, as the benchmark uses them: etcd waits for its disk, and the operator is
//! a process of its own with the rights of its service account.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use devcluster::Options;
use devcluster::audit;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::Api;
use kube::{Client, Resource};
use mtls_operator::api::conditions::{READY, find};
use mtls_operator::api::{MtlsAuthority, MtlsIdentity};
use mtls_operator::runtime::clock::Clock;
use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;
use test_support::Failure;
use test_support::installation::{Installation, OPERATOR, Operator, RELEASE, SYSTEM, get, succeed};
use test_support::reporter::Reporter;
use test_support::wait::{for_answer, for_any_object, for_object};
use tokio::sync::OnceCell;

use crate::etcd::Etcd;
use crate::process;
use crate::requests::Requests;

/// Longest that anything here may take: a hundred thousand identities take tens of minutes.
pub const PATIENCE: Duration = Duration::from_hours(2);
/// Between two questions to the operator.
const PAUSE: Duration = Duration::from_millis(100);

const COLLECTOR: &str = "system:kube-controller-manager";

/// The control plane, the chart and the operator.
pub struct Environment {
    pub installation: Installation,
    pub clock: Clock,
    client: OnceCell<Client>,
    operator: Mutex<Option<u32>>,
}

impl Environment {
    /// Starts the control plane and installs the chart; the operator does not run yet.
    pub fn open() -> Result<Self, Failure> {
        let options = Options { name: "bench".into(), fsync: true, ..Options::default() };
        let installation = Installation::start(options)?;
        installation.install(RELEASE, SYSTEM, &[])?;
        Ok(Self { installation, clock: Clock::system(), client: OnceCell::new(), operator: Mutex::default() })
    }

    /// Starts the operator as its service account; returns its pid.
    pub fn start_operator(&self) -> Result<u32, Failure> {
        let kubeconfig = self.operator_kubeconfig()?;
        self.start_operator_with(&kubeconfig)
    }

    /// The kubeconfig of the operator.
    pub fn operator_kubeconfig(&self) -> Result<PathBuf, Failure> {
        Ok(self.installation.cluster.kubeconfig_for(SYSTEM, RELEASE)?)
    }

    /// Starts the operator with another kubeconfig, as of a proxy; returns its pid.
    pub fn start_operator_with(&self, kubeconfig: &Path) -> Result<u32, Failure> {
        let pid = self.installation.start_operator_with(&Operator::default(), kubeconfig)?;
        *self.operator.lock() = Some(pid);
        Ok(pid)
    }

    /// Stops the operator as a node does: it releases the Lease, for whose end its successor would have to wait.
    pub async fn stop_operator(&self) -> Result<(), Failure> {
        let pid = self.operator.lock().take().ok_or("no operator runs")?;
        succeed(Command::new("kill").args(["-TERM", &pid.to_string()]))?;
        for_answer(PATIENCE, PAUSE, "the operator to stop", || async {
            Ok((!process::is_running(pid)).then_some(()))
        })
        .await?;
        self.installation.stop_operator(OPERATOR)
    }

    /// Where the API server's audit log ends.
    pub fn log_end(&self) -> Result<u64, Failure> {
        Ok(audit::end(&self.installation.cluster.audit_log())?)
    }

    /// The requests of the operator's service account since then.
    pub fn requests_since(&self, offset: u64) -> Result<Requests, Failure> {
        let user = format!("system:serviceaccount:{SYSTEM}:{RELEASE}");
        Requests::since(&self.installation.cluster.audit_log(), offset, &user)
    }

    /// A component of the control plane, as a process.
    pub fn component(&self, program: &str) -> Result<u32, Failure> {
        process::of_cluster(self.installation.cluster.data_dir(), program)
    }

    /// A file of the cluster, which goes with it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.installation.cluster.data_dir().join(name)
    }

    /// Waits until an identity is Ready.
    pub async fn ready(&self, namespace: &str, name: &str) -> Result<(), Failure> {
        let identities: Api<MtlsIdentity> = Api::namespaced(self.client().await?, namespace);
        until(identities, name, |identity| is_ready(&identity.status.as_ref()?.conditions)).await
    }

    /// Waits until an authority signs.
    pub async fn authority_ready(&self, name: &str) -> Result<(), Failure> {
        let authorities: Api<MtlsAuthority> = Api::all(self.client().await?);
        until(authorities, name, |authority| is_ready(&authority.status.as_ref()?.conditions)).await
    }

    /// Waits until so many identities of a namespace are Ready.
    pub async fn all_ready(&self, namespace: &str, count: usize) -> Result<(), Failure> {
        let identities: Api<MtlsIdentity> = Api::namespaced(self.client().await?, namespace);
        let mut ready = BTreeSet::new();
        let what = format!("{count} identities in {namespace} to be Ready");
        for_any_object(PATIENCE, identities, &what, |identity| {
            ready.extend(is_ready(&identity.status?.conditions).and(identity.metadata.name));
            (ready.len() >= count).then_some(())
        })
        .await
    }

    /// The operator's figures.
    pub async fn metrics(&self) -> Result<String, Failure> {
        let address = self.installation.admin_address(OPERATOR);
        get(&address.ok_or("the operator logged no admin address")?, "/metrics").await
    }

    /// Waits until the operator's `/readyz` says yes.
    pub async fn operator_ready(&self) -> Result<(), Failure> {
        for_answer(PATIENCE, PAUSE, "the operator to be ready", || async {
            let Some(address) = self.installation.health_address(OPERATOR) else { return Ok(None) };
            let answer = get(&address, "/readyz").await.unwrap_or_default();
            Ok(answer.starts_with("HTTP/1.1 200").then_some(()))
        })
        .await
    }

    /// Waits until the garbage collector watches a kind. Before, it asks the API server for the owner of each new Secret, and that
    /// would be measured.
    pub async fn until_collected(&self, plural: &str) -> Result<(), Failure> {
        let watches = format!("watch {plural}");
        for_answer(PATIENCE, Duration::from_secs(1), "the garbage collector", || async {
            let requests = Requests::since(&self.installation.cluster.audit_log(), 0, COLLECTOR)?;
            Ok(requests.by_kind().contains_key(&watches).then_some(()))
        })
        .await
    }

    /// A client with all rights.
    pub async fn client(&self) -> Result<Client, Failure> {
        self.client.get_or_try_init(|| self.installation.client()).await.cloned()
    }

    /// What etcd has stored.
    pub fn etcd(&self) -> Result<Etcd, Failure> {
        Etcd::at(&self.installation.cluster.etcd_url())
    }

    /// Stops everything.
    pub fn close(self) -> Result<(), Failure> {
        Ok(self.installation.cluster.stop()?)
    }
}

fn is_ready(conditions: &[Condition]) -> Option<()> {
    find(conditions, READY).filter(|condition| condition.status == "True").map(|_| ())
}

/// Watches one object until there is an answer.
pub async fn until<K, T>(api: Api<K>, name: &str, answer: impl Fn(&K) -> Option<T>) -> Result<T, Failure>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Serialize + Send + 'static,
{
    let what = format!("{} {name}", K::kind(&()));
    for_object(PATIENCE, api, name, &what, |object| object.and_then(&answer)).await
}

/// Says what happens, with the time since the start.
pub fn say(clock: &Clock, line: &str) {
    Reporter::say(&format!("{:>5} s  {line}", clock.monotonic().as_secs()));
}
