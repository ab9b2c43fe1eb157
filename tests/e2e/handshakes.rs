//! Handshakes from Pod to Pod: authorised clients are served, others are refused, and none between workload Pods ever fails.

use std::collections::BTreeMap;

use peer::Counters;
use serde_json::{Value, json};
use test_support::Failure;
use test_support::reporter::Reporter;

use crate::cluster::E2eCluster;
use crate::cluster::{ensure, until};
use crate::manifests::{identity, lone_pod};
use crate::workloads::{RING, name, restarts, target, workload_pods};

/// Attempts after which a verdict counts.
pub const ENOUGH: u64 = 5;

/// A trust domain of its own, with an identity in the ring's namespace.
const OTHER_AUTHORITY: &str = "
apiVersion: mtls-operator.dev/v1alpha1
kind: MtlsAuthority
metadata: {name: other}
---
apiVersion: mtls-operator.dev/v1alpha1
kind: MtlsIdentity
metadata: {name: other, namespace: ring}
spec: {authorityRef: {name: other}}
";

/// By the Service's name, and by the Pod's address.
pub async fn by_every_way(cluster: &E2eCluster) -> Result<(), Failure> {
    Reporter::section("Mutual handshakes from Pod to Pod");
    until("every workload Pod to have reached every other by Service name", || async {
        let tallies = tallies(cluster).await?;
        let all = tallies.len() == RING.len() * 2 + 2 + 1;
        Ok((all && tallies.values().all(|tally| tally.granted >= ENOUGH)).then_some(()))
    })
    .await?;
    let north = cluster.pods("ring", "app=north").await?.pop().ok_or("north has no Pod")?;
    let address = cluster.address("ring", &name(&north)).await?;
    let by_address = format!("--peer={}@{address}", target("north"));
    cluster.apply(&lone_pod("by-address", "east-mtls", &["dial", &by_address]).to_string())?;
    let tally = verdict(cluster, "by-address").await?;
    ensure(tally.granted == tally.attempted, || format!("by address: {:?}", tally.last_refusal))?;
    for ((pod, peer), tally) in &tallies(cluster).await? {
        Reporter::say(&format!("{pod} → {peer}: {} of {}", tally.granted, tally.attempted));
    }
    Reporter::say(&format!("by-address → north at {address}: {} of {}", tally.granted, tally.attempted));
    cluster.kubectl(&["delete", "pod", "by-address", "-n", "ring", "--wait=false"]).map(drop)
}

/// Clients without a certificate, with one of another root, and with a valid one that is not on the server's list.
pub async fn refuse_unauthorised(cluster: &E2eCluster) -> Result<(), Failure> {
    Reporter::section("Clients that are not authorised are refused");
    cluster.apply(OTHER_AUTHORITY)?;
    cluster.apply(&identity("ring", "visitor", &json!({})))?;
    let north = format!("--peer={}", target("north"));
    let server = "--peer=server.shop.svc:8443=spiffe://cluster.local/ns/shop/sa/server";
    let pods = [
        ("no-certificate", lone_pod("no-certificate", "visitor-mtls", &["dial", &north, "--no-certificate"])),
        ("foreign", foreign(&north)),
        ("unlisted", lone_pod("unlisted", "visitor-mtls", &["dial", server])),
        ("namesake", lone_pod("namesake", "visitor-mtls", &["dial", &north.replace("sa/north", "sa/east")])),
    ];
    for (pod, manifest) in &pods {
        cluster.apply(&manifest.to_string()).map_err(|error| format!("{pod}: {error}"))?;
    }
    let stories = [
        "without a certificate",
        "with a certificate of another root",
        "with a good certificate, at a server that has others on its list",
        "a client that expects another name than the server's",
    ];
    for ((pod, _), story) in pods.iter().zip(stories) {
        let tally = verdict(cluster, pod).await?;
        ensure(tally.granted == 0 && tally.refused > 0, || {
            format!("{story}: {} of {} were accepted", tally.granted, tally.attempted)
        })?;
        let why = tally.last_refusal.unwrap_or_default();
        Reporter::say(&format!("{story}: refused, {} of {} ({why})", tally.refused, tally.attempted));
    }
    refusals(cluster, ("ring", "north"), "no-certificate", "certificate").await?;
    refusals(cluster, ("shop", "server"), "unlisted", "is not on the list").await?;
    for (pod, _) in pods {
        cluster.kubectl(&["delete", "pod", pod, "-n", "ring", "--wait=false"])?;
    }
    cluster.kubectl(&["delete", "mtlsidentity", "other", "visitor", "-n", "ring"]).map(drop)
}

/// It trusts the server, so that only the server's verification can refuse it.
fn foreign(target: &str) -> Value {
    let mut pod = lone_pod("foreign", "other-mtls", &["dial", target, "--trust=/trust"]);
    let mounts = &mut pod["spec"]["containers"][0]["volumeMounts"];
    *mounts = json!([mounts[0], { "name": "trust", "mountPath": "/trust" }]);
    let volumes = &mut pod["spec"]["volumes"];
    *volumes = json!([volumes[0], { "name": "trust", "secret": { "secretName": "visitor-mtls", "defaultMode": 0o440 } }]);
    pod
}

/// The line in which a server logs the refusal of a Pod.
async fn refusals(cluster: &E2eCluster, server: (&str, &str), pod: &str, why: &str) -> Result<(), Failure> {
    let (namespace, app) = server;
    let address = cluster.address("ring", pod).await?;
    let server = cluster.pods(namespace, &format!("app={app}")).await?.pop().ok_or("a server has no Pod")?;
    let away = cluster.pod_log(namespace, &name(&server)).await?.refusals(address);
    let said = away.iter().find(|said| said.to_lowercase().contains(why));
    let said = said.ok_or_else(|| format!("{app} does not say that it turned {pod} away: {away:?}"))?;
    Reporter::say(&format!("the log of {app} about {pod}: {said}"));
    Ok(())
}

/// The counts of a lone Pod after some attempts.
async fn verdict(cluster: &E2eCluster, pod: &str) -> Result<Counters, Failure> {
    until(&format!("Pod {pod} to have tried {ENOUGH} times"), || async {
        let Ok(pod_log) = cluster.pod_log("ring", pod).await else { return Ok(None) };
        let tally = pod_log.tallies().into_values().next();
        Ok(tally.filter(|tally| tally.attempted - tally.unreachable >= ENOUGH))
    })
    .await
}

/// The counts of all workload Pods, by Pod and peer.
async fn tallies(cluster: &E2eCluster) -> Result<BTreeMap<(String, String), Counters>, Failure> {
    let mut all = BTreeMap::new();
    for (namespace, pod) in workload_pods(cluster).await? {
        let pod_log = cluster.pod_log(namespace, &name(&pod)).await?;
        all.extend(pod_log.tallies().into_iter().map(|(peer, tally)| ((name(&pod), peer), tally)));
    }
    Ok(all)
}

/// Handshakes that were granted, by Pod and peer.
pub type Granted = BTreeMap<(String, String), u64>;

/// Those of all workload Pods so far.
pub async fn granted(cluster: &E2eCluster) -> Result<Granted, Failure> {
    Ok(tallies(cluster).await?.into_iter().map(|(pair, tally)| (pair, tally.granted)).collect())
}

/// The sum of all attempts of workload Pods so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sum {
    pub granted: u64,
    pub overlap: Option<usize>,
    pub margin: Option<i64>,
}

/// Fails if a handshake between workload Pods has failed, or one of them was restarted.
pub async fn sum(cluster: &E2eCluster) -> Result<Sum, Failure> {
    let mut sum = Sum::default();
    for ((pod, peer), tally) in tallies(cluster).await? {
        let Counters { refused, lost, last_refusal, .. } = &tally;
        ensure(refused + lost == 0, || {
            format!("{pod} → {peer}: {refused} refused, {lost} cut; the last refusal: {last_refusal:?}")
        })?;
        sum.granted += tally.granted;
        sum.overlap = sum.overlap.into_iter().chain(tally.smallest_overlap).min();
        sum.margin = sum.margin.into_iter().chain(tally.smallest_margin).min();
    }
    for (_, pod) in workload_pods(cluster).await? {
        ensure(restarts(&pod) == 0, || format!("{} was restarted", name(&pod)))?;
    }
    Ok(sum)
}

/// The sum at the end of the run.
pub async fn add_up(reporter: &mut Reporter, cluster: &E2eCluster) -> Result<(), Failure> {
    Reporter::section("All handshakes between workload Pods, from the first to the last");
    let sum = sum(cluster).await?;
    let (overlap, margin) = sum.overlap.zip(sum.margin).ok_or("there was none")?;
    ensure(overlap > 0, || "two had no root in common".into())?;
    reporter.found(
        "handshakes between workload Pods, none refused, none cut, no Pod restarted",
        &sum.granted.to_string(),
    );
    reporter.found("fewest roots that both sides had in common", &overlap.to_string());
    reporter.found("least that a certificate had left when it was shown", &format!("{margin} s"));
    Ok(())
}
