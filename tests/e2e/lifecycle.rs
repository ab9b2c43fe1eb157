//! The chart is upgraded, uninstalled and installed again: the root and every certificate stay.

use std::collections::BTreeMap;

use mtls_operator::api::MtlsIdentity;

use crate::Failure;
use crate::narrator::Narrator;
use crate::operator::{PROBES, helm, ready};
use crate::town::{SYSTEM, Town};
use crate::waiting::{ensure, until};
use crate::workloads::NAMESPACES;

/// What must not get lost: by Secret, its uid and its certificate's serial.
type Estate = BTreeMap<String, (String, String)>;

pub async fn upgrade_and_reinstall(narrator: &mut Narrator, town: &Town) -> Result<(), Failure> {
    Narrator::scene("The chart is upgraded, uninstalled, and installed again");
    // Certificates of a day: none falls due by itself meanwhile.
    let calm = r#"{"spec": {"leaf": {"ttl": "24h", "maxTTL": "168h"}, "rotation": {"propagation": "5m"}}}"#;
    town.kubectl(&["patch", "mtlsauthority", "mesh", "--type=merge", "-p", calm])?;
    renew_all(town, &NAMESPACES, "calm").await?;
    let before = estate(town)?;
    let started = narrator.clock();
    helm(town, "upgrade", &[PROBES, "log.filter=info\\,mtls_operator=debug"])?;
    town.kubectl(&["rollout", "status", "deployment/mtls-operator", "-n", SYSTEM, "--timeout=180s"])?;
    ready(town).await?;
    narrator.took("helm upgrade with another value, rolled out", started);
    same(town, &before, "helm upgrade")?;

    let started = narrator.clock();
    Narrator::say("$ helm uninstall mtls-operator -n mtls-system --wait");
    town.helm(&["uninstall", "mtls-operator", "-n", SYSTEM, "--wait"])?;
    same(town, &before, "helm uninstall")?;
    helm(town, "install", &[PROBES])?;
    ready(town).await?;
    narrator.took("helm uninstall and install, until two replicas are Ready", started);
    // The new one has looked at everything.
    renew_one(town).await?;
    let mut after = estate(town)?;
    let (_, expected) = (after.remove("ring/east-mtls"), without_east(&before));
    ensure(after == expected, || format!("the second installation changed {expected:?} to {after:?}"))?;
    Narrator::say(&format!("the root Secrets and {} certificates are the same as before", before.len()));
    Ok(())
}

fn without_east(estate: &Estate) -> Estate {
    estate.iter().filter(|(name, _)| *name != "ring/east-mtls").map(|(k, v)| (k.clone(), v.clone())).collect()
}

/// A new certificate for every identity of these namespaces.
pub async fn renew_all(town: &Town, namespaces: &[&str], request: &str) -> Result<(), Failure> {
    let annotation = format!("mtls-operator.dev/renew={request}");
    for namespace in namespaces {
        town.kubectl(&["annotate", "mtlsidentity", "--all", "-n", namespace, "--overwrite", &annotation])?;
    }
    until("everybody to be renewed", || async {
        let identities = town.identities().await?;
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

async fn renew_one(town: &Town) -> Result<(), Failure> {
    let annotate =
        ["annotate", "mtlsidentity", "east", "-n", "ring", "--overwrite", "mtls-operator.dev/renew=again"];
    town.kubectl(&annotate)?;
    until("the new installation to renew a certificate", || async {
        let path = "jsonpath={.status.lastHandledRenew}";
        Ok((town.kubectl(&["get", "mtlsidentity", "east", "-n", "ring", "-o", path])? == "again")
            .then_some(()))
    })
    .await
}

fn same(town: &Town, before: &Estate, what: &str) -> Result<(), Failure> {
    let after = estate(town)?;
    ensure(after == *before, || format!("{what} changed {before:?} to {after:?}"))?;
    Narrator::say(&format!("{what}: every root and every certificate is still there"));
    Ok(())
}

fn estate(town: &Town) -> Result<Estate, Failure> {
    let mut estate = Estate::new();
    for namespace in NAMESPACES.iter().chain([&SYSTEM]) {
        let path = r#"jsonpath={range .items[?(@.type!="helm.sh/release.v1")]}{.metadata.name} {.metadata.uid} {.metadata.annotations.mtls-operator\.dev/serial}{.data.tls\.crt}{"\n"}{end}"#;
        for line in town.kubectl(&["get", "secrets", "-n", namespace, "-o", path])?.lines() {
            let mut words = line.split_whitespace().map(str::to_owned);
            let (Some(name), Some(uid), Some(content)) = (words.next(), words.next(), words.next()) else {
                continue;
            };
            estate.insert(format!("{namespace}/{name}"), (uid, content));
        }
    }
    ensure(estate.len() > NAMESPACES.len(), || format!("there is too little to lose: {estate:?}"))?;
    Ok(estate)
}
