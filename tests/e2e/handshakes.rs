//! Who may reaches whom, who may not is refused; and at no time has a handshake between residents failed.

use std::collections::BTreeMap;

use peer::Tally;
use serde_json::{Value, json};

use crate::Failure;
use crate::manifests::{identity, lone_pod};
use crate::narrator::Narrator;
use crate::town::Town;
use crate::waiting::{ensure, until};
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
pub async fn by_every_way(town: &Town) -> Result<(), Failure> {
    Narrator::scene("Mutual handshakes from Pod to Pod");
    until("every resident to have reached everybody by Service name", || async {
        let tallies = tallies(town).await?;
        let all = tallies.len() == RING.len() * 2 + 2 + 1;
        Ok((all && tallies.values().all(|tally| tally.granted >= ENOUGH)).then_some(()))
    })
    .await?;
    let north = town.pods("ring", "app=north").await?.pop().ok_or("north has no Pod")?;
    let address = town.address("ring", &name(&north)).await?;
    let by_address = format!("--peer={}@{address}", target("north"));
    town.apply(&lone_pod("by-address", "east-mtls", &["dial", &by_address]).to_string())?;
    let tally = verdict(town, "by-address").await?;
    ensure(tally.granted == tally.attempted, || format!("by address: {:?}", tally.last_refusal))?;
    for ((pod, peer), tally) in &tallies(town).await? {
        Narrator::say(&format!("{pod} → {peer}: {} of {}", tally.granted, tally.attempted));
    }
    Narrator::say(&format!("by-address → north at {address}: {} of {}", tally.granted, tally.attempted));
    town.kubectl(&["delete", "pod", "by-address", "-n", "ring", "--wait=false"]).map(drop)
}

/// Without a certificate, with one of another root, and with a good one of somebody who is not on the list.
pub async fn refuse_strangers(town: &Town) -> Result<(), Failure> {
    Narrator::scene("Who is not authorised stays outside");
    town.apply(STRANGER)?;
    town.apply(&identity("ring", "visitor", &json!({})))?;
    let north = format!("--peer={}", target("north"));
    let server = "--peer=server.shop.svc:8443=spiffe://cluster.local/ns/shop/sa/server";
    let pods = [
        ("nobody", lone_pod("nobody", "visitor-mtls", &["dial", &north, "--no-certificate"])),
        ("foreign", foreign(&north)),
        ("unlisted", lone_pod("unlisted", "visitor-mtls", &["dial", server])),
        ("namesake", lone_pod("namesake", "visitor-mtls", &["dial", &north.replace("sa/north", "sa/east")])),
    ];
    for (pod, manifest) in &pods {
        town.apply(&manifest.to_string()).map_err(|error| format!("{pod}: {error}"))?;
    }
    let stories = [
        "without a certificate",
        "with a certificate of another root",
        "with a good certificate, at a server that has others on its list",
        "a client that expects another name than the server's",
    ];
    for ((pod, _), story) in pods.iter().zip(stories) {
        let tally = verdict(town, pod).await?;
        ensure(tally.granted == 0 && tally.refused > 0, || {
            format!("{story}: {} of {} were let in", tally.granted, tally.attempted)
        })?;
        let why = tally.last_refusal.unwrap_or_default();
        Narrator::say(&format!("{story}: refused, {} of {} ({why})", tally.refused, tally.attempted));
    }
    turned_away(town, ("ring", "north"), "nobody", "certificate").await?;
    turned_away(town, ("shop", "server"), "unlisted", "is not on the list").await?;
    for (pod, _) in pods {
        town.kubectl(&["delete", "pod", pod, "-n", "ring", "--wait=false"])?;
    }
    town.kubectl(&["delete", "mtlsidentity", "stranger", "visitor", "-n", "ring"]).map(drop)
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
async fn turned_away(town: &Town, server: (&str, &str), pod: &str, why: &str) -> Result<(), Failure> {
    let (namespace, app) = server;
    let address = town.address("ring", pod).await?;
    let server = town.pods(namespace, &format!("app={app}")).await?.pop().ok_or("a server has no Pod")?;
    let away = town.journal(namespace, &name(&server)).await?.turned_away(address);
    let said = away.iter().find(|said| said.to_lowercase().contains(why));
    let said = said.ok_or_else(|| format!("{app} does not say that it turned {pod} away: {away:?}"))?;
    Narrator::say(&format!("the log of {app} about {pod}: {said}"));
    Ok(())
}

/// What a lone Pod found when it tried some times.
async fn verdict(town: &Town, pod: &str) -> Result<Tally, Failure> {
    until(&format!("Pod {pod} to have tried {ENOUGH} times"), || async {
        let Ok(journal) = town.journal("ring", pod).await else { return Ok(None) };
        let tally = journal.tallies().into_values().next();
        Ok(tally.filter(|tally| tally.attempted - tally.unreachable >= ENOUGH))
    })
    .await
}

/// All residents' tallies, by Pod and peer.
async fn tallies(town: &Town) -> Result<BTreeMap<(String, String), Tally>, Failure> {
    let mut all = BTreeMap::new();
    for (namespace, pod) in residents(town).await? {
        let journal = town.journal(namespace, &name(&pod)).await?;
        all.extend(journal.tallies().into_iter().map(|(peer, tally)| ((name(&pod), peer), tally)));
    }
    Ok(all)
}

/// Handshakes that were granted, by Pod and peer.
pub type Granted = BTreeMap<(String, String), u64>;

/// Those of all residents so far.
pub async fn granted(town: &Town) -> Result<Granted, Failure> {
    Ok(tallies(town).await?.into_iter().map(|(pair, tally)| (pair, tally.granted)).collect())
}

/// Everything that residents have tried so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sum {
    pub granted: u64,
    pub overlap: Option<usize>,
    pub margin: Option<i64>,
}

/// Fails if a handshake between residents has failed, or one of them was restarted.
pub async fn sum(town: &Town) -> Result<Sum, Failure> {
    let mut sum = Sum::default();
    for ((pod, peer), tally) in tallies(town).await? {
        let Tally { refused, lost, last_refusal, .. } = &tally;
        ensure(refused + lost == 0, || {
            format!("{pod} → {peer}: {refused} refused, {lost} cut; the last refusal: {last_refusal:?}")
        })?;
        sum.granted += tally.granted;
        sum.overlap = sum.overlap.into_iter().chain(tally.smallest_overlap).min();
        sum.margin = sum.margin.into_iter().chain(tally.smallest_margin).min();
    }
    for (_, pod) in residents(town).await? {
        ensure(restarts(&pod) == 0, || format!("{} was restarted", name(&pod)))?;
    }
    Ok(sum)
}

/// After everything.
pub async fn add_up(narrator: &mut Narrator, town: &Town) -> Result<(), Failure> {
    Narrator::scene("All handshakes between residents, from the first to the last");
    let sum = sum(town).await?;
    let (overlap, margin) = sum.overlap.zip(sum.margin).ok_or("there was none")?;
    ensure(overlap > 0, || "two had no root in common".into())?;
    narrator.found(
        "handshakes between residents, none refused, none cut, nobody restarted",
        &sum.granted.to_string(),
    );
    narrator.found("fewest roots that both sides had in common", &overlap.to_string());
    narrator.found("least that a certificate had left when it was shown", &format!("{margin} s"));
    Ok(())
}
