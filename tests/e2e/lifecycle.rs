//! The chart is upgraded, uninstalled and installed again: the root and every certificate stay.

use std::collections::BTreeMap;

use mtls_operator::api::MtlsIdentity;
use test_support::Failure;
use test_support::reporter::Reporter;

use crate::cluster::{E2eCluster, SYSTEM};
use crate::cluster::{ensure, until};
use crate::operator::{PROBES, helm, ready};
use crate::workloads::NAMESPACES;

/// What must stay the same: for each Secret, its uid and its certificate's serial.
type SecretStates = BTreeMap<String, (String, String)>;

pub async fn upgrade_and_reinstall(reporter: &mut Reporter, cluster: &E2eCluster) -> Result<(), Failure> {
    Reporter::section("The chart is upgraded, uninstalled, and installed again");
    // Certificates of a day: none falls due by itself meanwhile.
    let calm = r#"{"spec": {"leaf": {"ttl": "24h", "maxTTL": "168h"}, "rotation": {"propagation": "5m"}}}"#;
    cluster.kubectl(&["patch", "mtlsauthority", "mesh", "--type=merge", "-p", calm])?;
    renew_all(cluster, &NAMESPACES, "calm").await?;
    let before = secrets(cluster)?;
    let started = reporter.clock();
    helm(cluster, "upgrade", &[PROBES, "log.filter=info\\,mtls_operator=debug"])?;
    cluster.kubectl(&["rollout", "status", "deployment/mtls-operator", "-n", SYSTEM, "--timeout=180s"])?;
    ready(cluster).await?;
    reporter.took("helm upgrade with another value, rolled out", started);
    same(cluster, &before, "helm upgrade")?;

    let started = reporter.clock();
    Reporter::say("$ helm uninstall mtls-operator -n mtls-system --wait");
    cluster.helm(&["uninstall", "mtls-operator", "-n", SYSTEM, "--wait"])?;
    same(cluster, &before, "helm uninstall")?;
    helm(cluster, "install", &[PROBES])?;
    ready(cluster).await?;
    reporter.took("helm uninstall and install, until two replicas are Ready", started);
    // The new operator has reconciled every identity.
    renew_one(cluster).await?;
    let mut after = secrets(cluster)?;
    let (_, expected) = (after.remove("ring/east-mtls"), without_east(&before));
    ensure(after == expected, || format!("the second installation changed {expected:?} to {after:?}"))?;
    Reporter::say(&format!("the root Secrets and {} certificates are the same as before", before.len()));
    Ok(())
}

fn without_east(secrets: &SecretStates) -> SecretStates {
    secrets
        .iter()
        .filter(|(name, _)| *name != "ring/east-mtls")
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect()
}

/// A new certificate for every identity of these namespaces.
pub async fn renew_all(cluster: &E2eCluster, namespaces: &[&str], request: &str) -> Result<(), Failure> {
    let annotation = format!("mtls-operator.dev/renew={request}");
    for namespace in namespaces {
        cluster.kubectl(&[
            "annotate",
            "mtlsidentity",
            "--all",
            "-n",
            namespace,
            "--overwrite",
            &annotation,
        ])?;
    }
    until("every identity to be renewed", || async {
        let identities = cluster.identities().await?;
        let is_theirs = |identity: &&MtlsIdentity| {
            namespaces.contains(&identity.metadata.namespace.as_deref().unwrap_or_default())
        };
        let done = identities.iter().filter(is_theirs).all(|identity| {
            let status = identity.status.as_ref();
            status.is_some_and(|status| status.last_handled_renew.as_deref() == Some(request))
        });
        Ok(done.then_some(()))
    })
    .await
}

async fn renew_one(cluster: &E2eCluster) -> Result<(), Failure> {
    let annotate =
        ["annotate", "mtlsidentity", "east", "-n", "ring", "--overwrite", "mtls-operator.dev/renew=again"];
    cluster.kubectl(&annotate)?;
    until("the new installation to renew a certificate", || async {
        let path = "jsonpath={.status.lastHandledRenew}";
        Ok((cluster.kubectl(&["get", "mtlsidentity", "east", "-n", "ring", "-o", path])? == "again")
            .then_some(()))
    })
    .await
}

fn same(cluster: &E2eCluster, before: &SecretStates, what: &str) -> Result<(), Failure> {
    let after = secrets(cluster)?;
    ensure(after == *before, || format!("{what} changed {before:?} to {after:?}"))?;
    Reporter::say(&format!("{what}: every root and every certificate is still there"));
    Ok(())
}

fn secrets(cluster: &E2eCluster) -> Result<SecretStates, Failure> {
    let mut secrets = SecretStates::new();
    for namespace in NAMESPACES.iter().chain([&SYSTEM]) {
        let path = r#"jsonpath={range .items[?(@.type!="helm.sh/release.v1")]}{.metadata.name} {.metadata.uid} {.metadata.annotations.mtls-operator\.dev/serial}{.data.tls\.crt}{"\n"}{end}"#;
        for line in cluster.kubectl(&["get", "secrets", "-n", namespace, "-o", path])?.lines() {
            let mut words = line.split_whitespace().map(str::to_owned);
            let (Some(name), Some(uid), Some(content)) = (words.next(), words.next(), words.next()) else {
                continue;
            };
            secrets.insert(format!("{namespace}/{name}"), (uid, content));
        }
    }
    ensure(secrets.len() > NAMESPACES.len(), || {
        format!("there are too few Secrets to compare: {secrets:?}")
    })?;
    Ok(secrets)
}
