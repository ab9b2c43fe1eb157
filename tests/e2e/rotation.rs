//! Certificates and roots change under Pods that shake hands all the time, while the operator and the kubelet are
//! killed: no handshake fails, and no Pod is restarted.

use std::collections::BTreeSet;

use mtls_operator::api::authority::{Phase, RootRole};
use test_support::Failure;
use test_support::reporter::Reporter;

use crate::cluster::E2eCluster;
use crate::cluster::{ensure, until};
use crate::disruption;
use crate::handshakes::{ENOUGH, Granted, granted, sum};
use crate::probes::serving;
use crate::workloads::{RING, name, residents};

/// The authority of all residents.
const MESH: &str = "mesh";

/// Waits for the renewal that comes by itself.
pub async fn renew(reporter: &mut Reporter, cluster: &E2eCluster) -> Result<(), Failure> {
    Reporter::section("Renewals, as they fall due, reach the running programs");
    until("every resident to use a renewed certificate", || async {
        for (namespace, pod) in residents(cluster).await? {
            let serials: BTreeSet<String> = cluster
                .pod_log(namespace, &name(&pod))
                .await?
                .loaded()
                .into_iter()
                .map(|one| one.state.leaf.serial)
                .collect();
            if serials.len() < 2 {
                return Ok(None);
            }
        }
        Ok(Some(()))
    })
    .await?;
    Reporter::say("every resident uses a renewed certificate, without a restart");
    let sum = sum(cluster).await?;
    reporter.found(
        "handshakes until every certificate was renewed, of which none failed",
        &sum.granted.to_string(),
    );
    Ok(())
}

/// Rotates the root once, while the operator and the kubelet are killed.
pub async fn rotate(reporter: &mut Reporter, cluster: &E2eCluster) -> Result<(), Failure> {
    Reporter::section("The root rotates under handshakes, while operator and kubelet are killed");
    let before = sum(cluster).await?;
    let started = reporter.clock();
    let mut granted = granted(cluster).await?;
    cluster.kubectl(&["annotate", "mtlsauthority", MESH, "mtls-operator.dev/rotate=e2e"])?;
    reached(reporter, cluster, Phase::Announced).await?;
    disruption::delete_the_leader(reporter, cluster).await?;
    reached(reporter, cluster, Phase::Draining).await?;
    all_have_talked(cluster, &mut granted, "up to the switch").await?;
    disruption::kill_both_replicas(reporter, cluster).await?;
    disruption::restart_the_kubelet(reporter, cluster)?;
    disruption::be_away_over_renewals(reporter, cluster).await?;
    reached(reporter, cluster, Phase::Stable).await?;
    reporter.took("the whole rotation", started);
    all_have_talked(cluster, &mut granted, "while it drained").await?;
    by_the_new_root(cluster).await?;
    all_will_talk(cluster, "every pair to shake hands with the new root alone").await?;
    as_seen_by_the_operator(cluster).await?;
    let after = sum(cluster).await?;
    let meanwhile = after.granted - before.granted;
    reporter.found("handshakes during the rotation, of which none failed", &meanwhile.to_string());
    ensure(after.overlap > Some(0), || format!("two had no root in common: {:?}", after.overlap))?;
    Reporter::say(&format!(
        "fewest roots in common {}, least time left {} s",
        after.overlap.unwrap_or_default(),
        after.margin.unwrap_or_default()
    ));
    Ok(())
}

/// Waits until every pair has had [`ENOUGH`] handshakes from now on: what it waits for has no end that could pass.
async fn all_will_talk(cluster: &E2eCluster, what: &str) -> Result<(), Failure> {
    let before = granted(cluster).await?;
    until(what, || async {
        let now = granted(cluster).await?;
        let all = before.iter().all(|(pair, count)| now.get(pair).is_some_and(|now| now - count >= ENOUGH));
        Ok((!before.is_empty() && all).then_some(()))
    })
    .await
}

/// A pair that did not talk proves nothing: each must have had [`ENOUGH`] handshakes since the last look.
async fn all_have_talked(cluster: &E2eCluster, before: &mut Granted, when: &str) -> Result<(), Failure> {
    let now = granted(cluster).await?;
    ensure(!now.is_empty(), || "no Pod talks to another".into())?;
    for (pair, count) in &now {
        let meanwhile = count - before.get(pair).copied().unwrap_or(0);
        ensure(meanwhile >= ENOUGH, || format!("{pair:?} had {meanwhile} handshakes {when}, not {ENOUGH}"))?;
    }
    *before = now;
    Ok(())
}

async fn reached(reporter: &mut Reporter, cluster: &E2eCluster, phase: Phase) -> Result<(), Failure> {
    let started = reporter.clock();
    let what = format!("the rotation to be {}", phase.as_str());
    until(&what, || async {
        let status = cluster.authority(MESH).await?.status.unwrap_or_default();
        let is_answered = status.last_handled_rotate() == Some("e2e");
        Ok((is_answered && status.phase() == Some(phase)).then_some(()))
    })
    .await?;
    reporter.took(&format!("phase {}", phase.as_str()), started);
    Ok(())
}

/// In the end every Pod serves a certificate of the new root, and trusts no other.
async fn by_the_new_root(cluster: &E2eCluster) -> Result<(), Failure> {
    let roots = cluster.authority(MESH).await?.status.unwrap_or_default().roots;
    let signing = roots.iter().find(|root| root.role == RootRole::Signing.as_str()).ok_or("no root signs")?;
    until("every resident to hold the new root's certificates only", || async {
        for (namespace, pod) in residents(cluster).await? {
            let loaded = cluster.pod_log(namespace, &name(&pod)).await?.loaded();
            let last = loaded.last().ok_or("a resident has loaded nothing")?;
            if last.state.leaf.signer != signing.key_id || last.state.roots != [signing.fingerprint.as_str()]
            {
                return Ok(None);
            }
        }
        Ok(Some(()))
    })
    .await?;
    Reporter::say("every resident serves a certificate of the new root and trusts no other");
    Ok(())
}

/// The operator has looked at the ring all the time; what it sees is what it issued.
async fn as_seen_by_the_operator(cluster: &E2eCluster) -> Result<(), Failure> {
    until("the operator to see that every Pod of the ring serves as issued", || async {
        for member in RING {
            let identity = cluster.identity("ring", member).await?;
            if serving(&identity).is_none_or(|serving| serving.reason != "ServesAsIssued") {
                return Ok(None);
            }
        }
        Ok(Some(()))
    })
    .await?;
    Reporter::say(
        "the operator sees that every Pod of the ring serves as issued, and refuses clients of other roots",
    );
    Ok(())
}
