//! Identities that are created one after the other: how long each waits for its Secret, as a client sees it.

use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, PostParams};
use mtls_operator::api::{MtlsIdentity, MtlsIdentitySpec};
use test_support::Failure;

use crate::environment::{Environment, until};
use crate::meter::Meter;
use crate::population::create_namespace;
use crate::report::figures::Measurement;
use crate::report::scenario::{Scenario, Subject};
use crate::report::statistics::with_times;

const NAMESPACE: &str = "single";
const SAMPLES: usize = 100;

/// Creates them in a cluster that holds a population of this size.
pub async fn single(environment: &Environment, pid: u32, size: usize) -> Result<Measurement, Failure> {
    create_namespace(&environment.client().await?, NAMESPACE.into()).await?;
    create_and_await(environment, NAMESPACE, "first").await?;
    let meter = Meter::open(environment, Some(pid))?;
    let mut times = Vec::new();
    for number in 0..SAMPLES {
        times.push(create_and_await(environment, NAMESPACE, &format!("member-{number}")).await?);
    }
    let spent = meter.close(environment, pid)?;
    let measurement = with_times(Measurement::new(Scenario::Single, Subject::Operator, size), &times);
    Ok(spent.add_work_to(measurement, NAMESPACE, SAMPLES))
}

/// Creates an identity; returns how long its Secret took, once it is Ready.
pub async fn create_and_await(
    environment: &Environment,
    namespace: &str,
    name: &str,
) -> Result<Duration, Failure> {
    let client = environment.client().await?;
    let started = environment.clock.monotonic();
    create(&Api::namespaced(client.clone(), namespace), name, MtlsIdentitySpec::default()).await?;
    let secrets: Api<Secret> = Api::namespaced(client, namespace);
    until(secrets, &format!("{name}-mtls"), |_| Some(())).await?;
    let time = environment.clock.monotonic().saturating_sub(started);
    environment.ready(namespace, name).await?;
    Ok(time)
}

/// Creates an identity.
pub async fn create(
    identities: &Api<MtlsIdentity>,
    name: &str,
    spec: MtlsIdentitySpec,
) -> Result<(), Failure> {
    identities.create(&PostParams::default(), &MtlsIdentity::new(name, spec)).await?;
    Ok(())
}
