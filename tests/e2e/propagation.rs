//! How long it takes from a written Secret to the files that a running program has loaded: what `rotation.propagation`
//! has to allow for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Secret;
use kube::api::Api;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{Config, watcher};
use kube::{Client, ResourceExt as _};
use mtls_operator::api::names::annotation;
use mtls_operator::runtime::clock::Clock;
use test_support::Failure;
use test_support::reporter::Reporter;

use crate::cluster::E2eCluster;
use crate::cluster::{ensure, until};
use crate::lifecycle::renew_all;
use crate::workloads::{NAMESPACES, name, seconds, secret_of, workload_pods};

/// The kubelet's default.
const DEFAULT_SYNC: Duration = Duration::from_mins(1);
/// Renewals of all workload Pods at the kubelet's default.
const ROUNDS: usize = 2;

/// Namespace, Secret, serial.
type Certificate = (String, String, String);

/// When each certificate was seen to be written, in milliseconds since 1970.
#[derive(Clone, Default)]
pub struct WrittenAt(Arc<Mutex<HashMap<Certificate, u64>>>);

impl WrittenAt {
    /// Watches every Secret of the operator from now on.
    pub fn keep(client: Client, clock: Clock) -> Self {
        let ledger = Self::default();
        tokio::spawn(ledger.clone().watch(client, clock));
        ledger
    }

    async fn watch(self, client: Client, clock: Clock) {
        let ours = Config::default().labels("app.kubernetes.io/managed-by=mtls-operator");
        let mut secrets =
            watcher(Api::<Secret>::all(client), ours).default_backoff().touched_objects().boxed();
        while let Some(seen) = secrets.next().await {
            let now = u64::try_from(clock.now().as_millisecond()).unwrap_or_default();
            if let Some(certificate) = seen.ok().as_ref().and_then(certificate) {
                self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(certificate).or_insert(now);
            }
        }
    }

    fn written(&self, certificate: &Certificate) -> Option<u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(certificate).copied()
    }
}

fn certificate(secret: &Secret) -> Option<Certificate> {
    let serial = secret.annotations().get(annotation::SERIAL)?.clone();
    Some((secret.namespace()?, secret.name_any(), serial))
}

/// With a quick kubelet, from all that has happened so far; then at its default.
pub async fn measure(reporter: &mut Reporter, cluster: &E2eCluster) -> Result<(), Failure> {
    Reporter::section("From a written Secret to the program that uses it");
    let quick = delays(cluster, 0).await?;
    tell(reporter, "kubelet's syncFrequency 1s", quick)?;
    cluster.installation.cluster.set_sync_frequency(DEFAULT_SYNC)?;
    let since = u64::try_from(cluster.clock.now().as_millisecond())?;
    for round in 0..ROUNDS {
        renew_all(cluster, &NAMESPACES, &format!("round-{round}")).await?;
        until("every workload Pod to have loaded its new certificate", || all_caught_up(cluster)).await?;
    }
    let slow = delays(cluster, since).await?;
    let longest = slow.iter().max().copied().unwrap_or_default();
    tell(reporter, "kubelet's default, 1m", slow)?;
    reporter.found("the floor for rotation.propagation here (its default is 300 s)", &seconds(longest));
    ensure(longest < 300_000, || {
        "a renewal took longer than the default of rotation.propagation allows".into()
    })
}

/// Delays of all renewals that were written since then. A Pod's first version was there before it.
async fn delays(cluster: &E2eCluster, since: u64) -> Result<Vec<u64>, Failure> {
    let mut delays = Vec::new();
    for (namespace, pod) in workload_pods(cluster).await? {
        let secret = secret_of(&pod).ok_or("a workload Pod without a Secret")?;
        let mut loaded = cluster.pod_log(namespace, &name(&pod)).await?.loaded();
        // A new trust bundle comes with the same certificate.
        loaded.dedup_by(|later, earlier| later.state.leaf.serial == earlier.state.leaf.serial);
        for loaded in loaded.iter().skip(1) {
            let certificate = (namespace.to_owned(), secret.clone(), loaded.state.leaf.serial.clone());
            let written = cluster.written.written(&certificate).filter(|written| *written >= since);
            delays.extend(written.map(|written| loaded.at.saturating_sub(written)));
        }
    }
    Ok(delays)
}

async fn all_caught_up(cluster: &E2eCluster) -> Result<Option<()>, Failure> {
    for (namespace, pod) in workload_pods(cluster).await? {
        let secret =
            cluster.secret(namespace, &secret_of(&pod).ok_or("a workload Pod without a Secret")?).await?;
        let newest = secret.annotations().get(annotation::SERIAL).cloned();
        let loaded = cluster.pod_log(namespace, &name(&pod)).await?.loaded();
        if loaded.last().map(|last| last.state.leaf.serial.clone()) != newest {
            return Ok(None);
        }
    }
    Ok(Some(()))
}

fn tell(reporter: &mut Reporter, how: &str, mut delays: Vec<u64>) -> Result<(), Failure> {
    delays.sort_unstable();
    let (Some(least), Some(most)) = (delays.first(), delays.last()) else {
        return Err(format!("{how}: no renewal was seen").into());
    };
    let all: Vec<_> = delays.iter().map(|delay| seconds(*delay)).collect();
    Reporter::say(&format!("{how}: {}", all.join(", ")));
    let figures = format!("{} / {} / {}", seconds(*least), seconds(delays[delays.len() / 2]), seconds(*most));
    reporter.found(&format!("{how}, least / median / most of {}", delays.len()), &figures);
    Ok(())
}
