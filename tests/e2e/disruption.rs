//! Disruptions of operators and nodes in the middle of a rotation.

use std::process::Command;

use jiff::Timestamp;
use mtls_operator::api::MtlsIdentity;
use test_support::Failure;
use test_support::reporter::Reporter;

use crate::cluster::{E2eCluster, SYSTEM};
use crate::cluster::{ensure, until};
use crate::operator::{SELECTOR, holder, leader, process_of, ready};
use crate::workloads::{is_of_workload, name};

/// A node is drained: the Pod of the leader is deleted.
pub async fn delete_the_leader(reporter: &mut Reporter, cluster: &E2eCluster) -> Result<(), Failure> {
    let before = leader(cluster)?;
    let started = reporter.clock();
    cluster.kubectl(&["delete", "pod", &before, "-n", SYSTEM, "--wait=false"])?;
    until("the other replica to lead", || async {
        let after = leader(cluster)?;
        Ok((!after.is_empty() && after != before).then_some(()))
    })
    .await?;
    reporter.took(&format!("{before}, which led, was deleted: another replica leads"), started);
    ready(cluster).await
}

/// Both replicas are killed, as when their node loses its power: the Lease is not released.
pub async fn kill_both_replicas(reporter: &mut Reporter, cluster: &E2eCluster) -> Result<(), Failure> {
    let started = reporter.clock();
    let before = holder(cluster)?;
    for pod in cluster.pods(SYSTEM, SELECTOR).await? {
        let process = process_of(&pod).ok_or_else(|| format!("{} has no process", name(&pod)))?;
        let killed = Command::new("kill").args(["-KILL", &process.to_string()]).status()?;
        ensure(killed.success(), || format!("cannot kill {process}"))?;
    }
    until("a new process to lead", || async {
        let after = holder(cluster)?;
        Ok((!after.is_empty() && after != before).then_some(()))
    })
    .await?;
    reporter.took("both replicas were killed: once the Lease has run out, a new process leads", started);
    ready(cluster).await
}

/// The kubelet crashes; Pods go on.
pub fn restart_the_kubelet(reporter: &mut Reporter, cluster: &E2eCluster) -> Result<(), Failure> {
    let started = reporter.clock();
    cluster.installation.cluster.restart_kubelet()?;
    reporter.took("the kubelet was killed, and is healthy again", started);
    Ok(())
}

/// There is no operator while certificates fall due.
pub async fn be_away_over_renewals(reporter: &mut Reporter, cluster: &E2eCluster) -> Result<(), Failure> {
    let due = renewals(&cluster.identities().await?);
    let (first, last) = (due.iter().min().copied(), due.iter().max().copied());
    let (first, last) = first.zip(last).ok_or("no identity knows when it is due")?;
    let sleep_until = |moment| cluster.clock.sleep_until(moment, crate::cluster::PATIENCE);
    // So early that a busy machine has stopped the operator before.
    sleep_until(first - jiff::SignedDuration::from_secs(10)).await;
    let started = reporter.clock();
    cluster.kubectl(&["scale", "deployment", "mtls-operator", "-n", SYSTEM, "--replicas=0"])?;
    until("no operator to be there", || async {
        Ok(cluster.kubectl(&["get", "pods", "-n", SYSTEM, "-o", "name"])?.is_empty().then_some(()))
    })
    .await?;
    let gone = cluster.clock.now();
    sleep_until(last).await;
    let back = cluster.clock.now();
    cluster.kubectl(&["scale", "deployment", "mtls-operator", "-n", SYSTEM, "--replicas=2"])?;
    ready(cluster).await?;
    reporter.took("there was no operator", started);
    let missed = due.iter().filter(|due| (gone..=back).contains(due)).count();
    until("the renewals that fell due meanwhile", || async {
        Ok(renewals(&cluster.identities().await?).iter().all(|due| *due > cluster.clock.now()).then_some(()))
    })
    .await?;
    ensure(missed > 1, || format!("only {missed} renewals fell into that time"))?;
    reporter.found(
        "renewals that fell due while there was no operator, and were made afterwards",
        &missed.to_string(),
    );
    Ok(())
}

/// When certificates of workload Pods are due.
fn renewals(identities: &[MtlsIdentity]) -> Vec<Timestamp> {
    let ours = identities.iter().filter(|identity| is_of_workload(identity));
    ours.filter_map(|identity| Some(identity.status.as_ref()?.renewal_time.as_ref()?.0)).collect()
}
