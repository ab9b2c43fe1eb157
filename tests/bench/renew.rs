//! A renewal of all identities, asked for by the annotation. The API server's CPU includes the requests that ask for it.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use kube::api::{Api, Patch, PatchParams};
use mtls_operator::api::MtlsIdentity;
use mtls_operator::api::names::annotation;
use serde_json::json;
use test_support::Failure;

use crate::environment::Environment;
use crate::meter::{Meter, with_memory};
use crate::metrics::{Metrics, at_rest, until_issued};
use crate::population::{AT_ONCE, PREFIX, Population, name_of};
use crate::report::figures::{Measurement, Name, count};
use crate::report::scenario::{Scenario, Subject};

/// Renews a population that is up to date.
pub async fn renew(
    environment: &Environment,
    population: &Population,
    pid: u32,
) -> Result<Measurement, Failure> {
    let (before, size) = (at_rest(environment).await?.all_issued(), population.size);
    let meter = Meter::open(environment, Some(pid))?;
    let requests = (0..size).map(|number| request(environment, population, number));
    stream::iter(requests).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    until_issued(environment, before + size).await?;
    at_rest(environment).await?;
    let renewals = Metrics::of(environment).await?.all_issued() - before;
    let measurement = Measurement::new(Scenario::Renew, Subject::Operator, size);
    let measurement = meter.close(environment, pid)?.add_work_to(measurement, PREFIX, renewals);
    with_memory(measurement.with(Name::Renewals, count(renewals)), pid)
}

async fn request(environment: &Environment, population: &Population, number: usize) -> Result<(), Failure> {
    let identities: Api<MtlsIdentity> =
        Api::namespaced(environment.client().await?, &population.namespace_of(number));
    let patch = json!({ "metadata": { "annotations": { annotation::RENEW: "all" } } });
    identities.patch(&name_of(number), &PatchParams::default(), &Patch::Merge(patch)).await?;
    Ok(())
}
