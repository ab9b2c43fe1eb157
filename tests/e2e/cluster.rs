//! The cluster of `make e2e`: commands by kubectl and helm, and reads of its objects.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use devcluster::{NodeOptions, Options};
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::Client;
use kube::api::{Api, ListParams, LogParams};
use mtls_operator::api::{MtlsAuthority, MtlsIdentity};
use mtls_operator::runtime::clock::Clock;
use test_support::Failure;
use test_support::installation::Installation;
pub use test_support::installation::SYSTEM;
use test_support::reporter::{Reporter, print};
use test_support::wait::for_answer;

use crate::pod_log::PodLog;
use crate::propagation::WrittenAt;

/// Longest that any step may take that has no time of its own.
pub const PATIENCE: Duration = Duration::from_mins(4);
/// Each question is a request or a process.
const PAUSE: Duration = Duration::from_millis(300);

/// The operator's verdict on the Pods of an identity that it has probed.
const SERVING: &str = "jsonpath={range .items[*]}{.metadata.namespace}/{.metadata.name}: \
    {.status.conditions[?(@.type==\"Serving\")].message}{\"\\n\"}{end}";

/// The control plane, its node, and when each certificate was written.
pub struct E2eCluster {
    pub installation: Installation,
    pub client: Client,
    pub clock: Clock,
    /// When which certificate was written.
    pub written: WrittenAt,
}

impl E2eCluster {
    pub async fn open(sync: Duration, images: Vec<PathBuf>) -> Result<Self, Failure> {
        let node = NodeOptions { sync_frequency: Some(sync), images };
        let options = Options { name: "e2e".into(), node: Some(node), ..Options::default() };
        let installation = Installation::start(options)?;
        let (client, clock) = (installation.client().await?, Clock::system());
        Ok(Self { written: WrittenAt::keep(client.clone(), clock.clone()), installation, client, clock })
    }

    /// Stops everything.
    pub fn close(self) -> Result<(), Failure> {
        Ok(self.installation.cluster.stop()?)
    }

    pub fn kubectl(&self, arguments: &[&str]) -> Result<String, Failure> {
        self.installation.kubectl(arguments)
    }

    pub fn helm(&self, arguments: &[&str]) -> Result<String, Failure> {
        self.installation.helm(arguments)
    }

    /// Runs kubectl and shows what it prints.
    pub fn show(&self, arguments: &[&str]) -> Result<(), Failure> {
        Reporter::say(&format!("$ kubectl {}", arguments.join(" ")));
        self.kubectl(arguments)?.lines().for_each(Reporter::say);
        Ok(())
    }

    /// Applies a manifest.
    pub fn apply(&self, manifest: &str) -> Result<(), Failure> {
        self.installation.apply(manifest)
    }

    /// Pods of a namespace that are not being deleted.
    pub async fn pods(&self, namespace: &str, selector: &str) -> Result<Vec<Pod>, Failure> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        let mut pods = pods.list(&ListParams::default().labels(selector)).await?.items;
        pods.retain(|pod| pod.metadata.deletion_timestamp.is_none());
        Ok(pods)
    }

    /// The address of a Pod.
    pub async fn address(&self, namespace: &str, pod: &str) -> Result<IpAddr, Failure> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        let address = address(&pods.get(pod).await?);
        address.ok_or_else(|| format!("Pod {pod} has no address").into())
    }

    /// The addresses of all Pods.
    pub async fn addresses(&self) -> Result<BTreeSet<IpAddr>, Failure> {
        let pods: Api<Pod> = Api::all(self.client.clone());
        Ok(pods.list(&ListParams::default()).await?.iter().filter_map(address).collect())
    }

    /// What the peer in a Pod has written so far. A kubelet that has just started knows no Pods yet and says "not
    /// found": that is waited out.
    pub async fn pod_log(&self, namespace: &str, pod: &str) -> Result<PodLog, Failure> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        until(&format!("the log of Pod {pod}"), || async {
            match pods.logs(pod, &LogParams::default()).await {
                Err(kube::Error::Api(status)) if status.is_not_found() => Ok(None),
                log => Ok(Some(PodLog::of(&log?))),
            }
        })
        .await
    }

    pub async fn secret(&self, namespace: &str, name: &str) -> Result<Secret, Failure> {
        Ok(Api::namespaced(self.client.clone(), namespace).get(name).await?)
    }

    pub async fn authority(&self, name: &str) -> Result<MtlsAuthority, Failure> {
        Ok(Api::all(self.client.clone()).get(name).await?)
    }

    /// An identity.
    pub async fn identity(&self, namespace: &str, name: &str) -> Result<MtlsIdentity, Failure> {
        Ok(Api::namespaced(self.client.clone(), namespace).get(name).await?)
    }

    /// Every identity of the cluster.
    pub async fn identities(&self) -> Result<Vec<MtlsIdentity>, Failure> {
        let identities: Api<MtlsIdentity> = Api::all(self.client.clone());
        Ok(identities.list(&ListParams::default()).await?.items)
    }

    /// After a failure: what an administrator would read.
    pub fn show_what_is_wrong(&self) {
        let events = ["get", "events", "-A", "--field-selector=type=Warning", "--sort-by=.lastTimestamp"];
        for arguments in [
            &["get", "pods", "-A", "-o", "wide"][..],
            &["get", "mtlsidentities,mtlsauthorities", "-A"],
            &["get", "mtlsidentities", "-A", "-o", SERVING],
            &events,
            &["logs", "-n", SYSTEM, "-l", "app.kubernetes.io/name=mtls-operator", "--prefix", "--tail=20"],
        ] {
            print(&format!("\n$ kubectl {}", arguments.join(" ")));
            let shown = self.kubectl(arguments).unwrap_or_else(|error| error.to_string());
            let lines: Vec<&str> = shown.lines().collect();
            lines[lines.len().saturating_sub(60)..].iter().for_each(|line| print(line));
        }
    }
}

fn address(pod: &Pod) -> Option<IpAddr> {
    pod.status.as_ref()?.pod_ip.as_ref()?.parse().ok()
}

/// Asks until there is an answer.
pub async fn until<T, F, A>(what: &str, ask: A) -> Result<T, Failure>
where
    F: Future<Output = Result<Option<T>, Failure>>,
    A: Fn() -> F,
{
    for_answer(PATIENCE, PAUSE, what, ask).await
}

/// An error, unless the condition holds.
pub fn ensure(is_so: bool, otherwise: impl FnOnce() -> String) -> Result<(), Failure> {
    if is_so { Ok(()) } else { Err(otherwise().into()) }
}
