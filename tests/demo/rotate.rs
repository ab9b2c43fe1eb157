//! `make bench`: what a prompt rotation of the root costs, and what a new identity notices of it.

use std::collections::BTreeSet;
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, ListParams, Patch, PatchParams};
use mtls_operator::api::MtlsAuthority;
use mtls_operator::api::authority::Phase;
use mtls_operator::api::names::{annotation, label};
use serde_json::json;

use crate::Failure;
use crate::measure::{NAMESPACE, count_for, create_and_await, percentiles};
use crate::narrator::Narrator;
use crate::theatre::Theatre;

const AUTHORITY: &str = "mesh";

/// Rotates the root of all identities at once, and lets new ones come meanwhile.
pub async fn rotate(narrator: &mut Narrator, theatre: &Theatre) -> Result<(), Failure> {
    let before = signers(theatre).await?;
    let identities = before.len();
    Narrator::scene(&format!("The root of {identities} identities rotates: propagation 10s, spreadOver 0s"));
    let (_, offset) = theatre.requests_since(0)?;
    let started = narrator.clock();
    ask(theatre).await?;
    let mut times = Vec::new();
    while phase(theatre).await? != Phase::Draining {
        times.push(create_and_await(narrator, theatre, &format!("meanwhile-{}", times.len())).await?);
    }
    narrator.took("every Secret has carried both roots for 10 s, and the new one signs", started);
    let former: BTreeSet<String> = before.into_iter().collect();
    while signers(theatre).await?.iter().any(|signer| former.contains(signer)) {
        times.push(create_and_await(narrator, theatre, &format!("meanwhile-{}", times.len())).await?);
    }
    narrator.took("no certificate of the former root is left", started);
    Narrator::say(&format!(
        "{} new identities meanwhile, to their Secret: {}",
        times.len(),
        percentiles(&mut times)
    ));
    let issuances = u16::try_from(identities + times.len())?;
    count_for(theatre, offset, &format!("{issuances} certificates and {identities} bundles"))
}

async fn ask(theatre: &Theatre) -> Result<(), Failure> {
    let authorities: Api<MtlsAuthority> = Api::all(theatre.client().await?);
    let patch = json!({
        "metadata": { "annotations": { annotation::ROTATE: "bench" } },
        "spec": { "rotation": { "propagation": "10s", "spreadOver": "0s" } },
    });
    authorities.patch(AUTHORITY, &PatchParams::default(), &Patch::Merge(patch)).await?;
    Ok(())
}

async fn phase(theatre: &Theatre) -> Result<Phase, Failure> {
    let authorities: Api<MtlsAuthority> = Api::all(theatre.client().await?);
    let status = authorities.get(AUTHORITY).await?.status.unwrap_or_default();
    tokio::time::sleep(Duration::from_millis(20)).await;
    Ok(status.phase.unwrap_or_default())
}

/// The signer of every leaf, by what the Secrets say of it.
async fn signers(theatre: &Theatre) -> Result<Vec<String>, Failure> {
    let secrets: Api<Secret> = Api::namespaced(theatre.client().await?, NAMESPACE);
    let labels = format!("{}={}", label::MANAGED_BY, label::MANAGER);
    let list = secrets.list_metadata(&ListParams::default().labels(&labels)).await?;
    let signer = |secret: &kube::core::PartialObjectMeta<Secret>| {
        secret.metadata.annotations.as_ref()?.get(annotation::AUTHORITY_KEY_ID).cloned()
    };
    Ok(list.items.iter().filter_map(signer).collect())
}
