//! Fresh starts in special places: in many namespaces, with RSA keys among others, among Secrets that are not the operator's.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, ObjectMeta, PostParams};
use serde_json::{Value, json};
use test_support::Failure;

use crate::environment::{Environment, say};
use crate::fresh::{operator, prepare};
use crate::population::{AT_ONCE, Population, create_namespace};
use crate::report::figures::{Measurement, Name, count};
use crate::report::scenario::Scenario;

const NAMESPACES: usize = 1000;
/// Identities among Secrets of others.
const AMONG: usize = 1000;
/// Secrets of others in a namespace, and their size.
const IN_NAMESPACE: usize = 500;
const BYTES: usize = 2048;

/// So many identities in a thousand namespaces, or each in its own.
pub async fn namespaces(size: usize) -> Result<Measurement, Failure> {
    let namespaces = NAMESPACES.min(size);
    let prepared = prepare(Population { namespaces, ..Population::identities(size) }).await?;
    let measurement = operator(&prepared, Scenario::Namespaces).await?.measurement;
    prepared.environment.close()?;
    Ok(measurement.with(Name::Namespaces, count(namespaces)))
}

/// One key of ten is RSA.
pub async fn rsa(size: usize) -> Result<Measurement, Failure> {
    let prepared = prepare(Population { spec: one_of_ten_is_rsa, ..Population::identities(size) }).await?;
    let served = operator(&prepared, Scenario::Rsa).await?;
    // The names of the others do not end so.
    let ecdsa = served.meter.until_last(&prepared.environment, |name| !name.ends_with('0'))?;
    prepared.environment.close()?;
    Ok(served.measurement.with(Name::EcdsaSeconds, ecdsa.as_secs_f64()))
}

fn one_of_ten_is_rsa(number: usize, _: &Value) -> Value {
    if number.is_multiple_of(10) { json!({ "privateKey": { "algorithm": "RSA2048" } }) } else { json!({}) }
}

/// A thousand identities among so many Secrets of others.
pub async fn foreign(secrets: usize) -> Result<Measurement, Failure> {
    let prepared = prepare(Population::identities(AMONG)).await?;
    create_secrets(&prepared.environment, secrets).await?;
    let measurement = operator(&prepared, Scenario::Foreign).await?.measurement;
    prepared.environment.close()?;
    Ok(measurement.with(Name::ForeignSecrets, count(secrets)))
}

async fn create_secrets(environment: &Environment, count: usize) -> Result<(), Failure> {
    let client = environment.client().await?;
    for number in 0..count.div_ceil(IN_NAMESPACE) {
        create_namespace(&client, format!("foreign-{number}")).await?;
    }
    let created = (0..count).map(|number| create_secret(environment, number));
    stream::iter(created).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    say(&environment.clock, &format!("{count} Secrets of others exist"));
    Ok(())
}

async fn create_secret(environment: &Environment, number: usize) -> Result<(), Failure> {
    let namespace = format!("foreign-{}", number / IN_NAMESPACE);
    let secret = Secret {
        metadata: ObjectMeta { name: Some(format!("other-{number}")), ..ObjectMeta::default() },
        data: Some([("value".to_owned(), ByteString(vec![7; BYTES]))].into()),
        ..Secret::default()
    };
    let secrets: Api<Secret> = Api::namespaced(environment.client().await?, &namespace);
    secrets.create(&PostParams::default(), &secret).await?;
    Ok(())
}
