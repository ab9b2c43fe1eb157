//! Who may reaches whom, who may not is refused; and at no time has a handshake between residents failed.

use std::collections::BTreeMap;

use peer::Counters;
use serde_json::{Value, json};
use test_support::Failure;
use test_support::reporter::Reporter;

use crate::cluster::E2eCluster;
use crate::cluster::{ensure, until};
use crate::manifests::{identity, lone_pod};
use crate::workloads::{RING, name, residents, restarts, target};

/// Attempts after which a verdict counts.
pub const ENOUGH: u64 = 5;

/// A trust domain of its own, with an identity in the ring's namespace.
const STRANGER: &str = "
apiVersion: mtls-operator.dev/v1alpha1
kind: MtlsAuthority
metadata: {name: stranger}
---
apiVersion: mtls-operator.dev/v1alpha1
kind: MtlsIdentity
metadata: {name: stranger, namespace: ring}
spec: {authorityRef: {name: stranger}}
";

/// By the Service's name, and by the Pod's address.
pub async fn by_every_way(cluster: &E2eCluster) -> Result<(), Failure> {
    Reporter::section("Mutual handshakes from Pod to Pod");
    until("every resident to have reached everybody by Service name", || async {
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

/// Without a certificate, with one of another root, and with a good one of somebody who is not on the list.
pub async fn refuse_strangers(cluster: &E2eCluster) -> Result<(), Failure> {
    Reporter::section("Who is not authorised stays outside");
    cluster.apply(STRANGER)?;
    cluster.apply(&identity("ring", "visitor", &json!({})))?;
    let north = format!("--peer={}", target("north"));
    let server = "--peer=server.shop.svc:8443=spiffe://cluster.local/ns/shop/sa/server";
    let pods = [
        ("nobody", lone_pod("nobody", "visitor-mtls", &["dial", &north, "--no-certificate"])),
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
            format!("{story}: {} of {} were let in", tally.granted, tally.attempted)
        })?;
        let why = tally.last_refusal.unwrap_or_default();
        Reporter::say(&format!("{story}: refused, {} of {} ({why})", tally.refused, tally.attempted));
    }
    turned_away(cluster, ("ring", "north"), "nobody", "certificate").await?;
    turned_away(cluster, ("shop", "server"), "unlisted", "is not on the list").await?;
    for (pod, _) in pods {
        cluster.kubectl(&["delete", "pod", pod, "-n", "ring", "--wait=false"])?;
    }
    cluster.kubectl(&["delete", "mtlsidentity", "stranger", "visitor", "-n", "ring"]).map(drop)
}

/// It trusts the server, so that only the server's verification can refuse it.
fn foreign(target: &str) -> Value {
    let mut pod = lone_pod("foreign", "stranger-mtls", &["dial", target, "--trust=/trust"]);
    let mounts = &mut pod["spec"]["containers"][0]["volumeMounts"];
    *mounts = json!([mounts[0], { "name": "trust", "mountPath": "/trust" }]);
    let volumes = &mut pod["spec"]["volumes"];
    *volumes = json!([volumes[0], { "name": "trust", "secret": { "secretName": "visitor-mtls", "defaultMode": 0o440 } }]);
    pod
}

/// What a server says about it.
async fn turned_away(
    cluster: &E2eCluster,
    server: (&str, &str),
    pod: &str,
    why: &str,
) -> Result<(), Failure> {
    let (namespace, app) = server;
    let address = cluster.address("ring", pod).await?;
    let server = cluster.pods(namespace, &format!("app={app}")).await?.pop().ok_or("a server has no Pod")?;
    let away = cluster.pod_log(namespace, &name(&server)).await?.turned_away(address);
    let said = away.iter().find(|said| said.to_lowercase().contains(why));
    let said = said.ok_or_else(|| format!("{app} does not say that it turned {pod} away: {away:?}"))?;
    Reporter::say(&format!("the log of {app} about {pod}: {said}"));
    Ok(())
}

/// What a lone Pod found when it tried some times.
async fn verdict(cluster: &E2eCluster, pod: &str) -> Result<Counters, Failure> {
    until(&format!("Pod {pod} to have tried {ENOUGH} times"), || async {
        let Ok(pod_log) = cluster.pod_log("ring", pod).await else { return Ok(None) };
        let tally = pod_log.tallies().into_values().next();
        Ok(tally.filter(|tally| tally.attempted - tally.unreachable >= ENOUGH))
    })
    .await
}

/// All residents' tallies, by Pod and peer.
async fn tallies(cluster: &E2eCluster) -> Result<BTreeMap<(String, String), Counters>, Failure> {
    let mut all = BTreeMap::new();
    for (namespace, pod) in residents(cluster).await? {
        let pod_log = cluster.pod_log(namespace, &name(&pod)).await?;
        all.extend(pod_log.tallies().into_iter().map(|(peer, tally)| ((name(&pod), peer), tally)));
    }
    Ok(all)
}

/// Handshakes that were granted, by Pod and peer.
pub type Granted = BTreeMap<(String, String), u64>;

/// Those of all residents so far.
pub async fn granted(cluster: &E2eCluster) -> Result<Granted, Failure> {
    Ok(tallies(cluster).await?.into_iter().map(|(pair, tally)| (pair, tally.granted)).collect())
}

/// Everything that residents have tried so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sum {
    pub granted: u64,
    pub overlap: Option<usize>,
    pub margin: Option<i64>,
}

/// Fails if a handshake between residents has failed, or one of them was restarted.
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
    for (_, pod) in residents(cluster).await? {
        ensure(restarts(&pod) == 0, || format!("{} was restarted", name(&pod)))?;
    }
    Ok(sum)
}

/// After everything.
pub async fn add_up(reporter: &mut Reporter, cluster: &E2eCluster) -> Result<(), Failure> {
    Reporter::section("All handshakes between residents, from the first to the last");
    let sum = sum(cluster).await?;
    let (overlap, margin) = sum.overlap.zip(sum.margin).ok_or("there was none")?;
    ensure(overlap > 0, || "two had no root in common".into())?;
    reporter.found(
        "handshakes between residents, none refused, none cut, nobody restarted",
        &sum.granted.to_string(),
    );
    reporter.found("fewest roots that both sides had in common", &overlap.to_string());
    reporter.found("least that a certificate had left when it was shown", &format!("{margin} s"));
    Ok(())
}
