//! What the operator writes for one identity, taken from the cluster: the bare writer writes the same bytes.
//!
//! Taken in each run, so that the comparison follows what the operator writes.

use k8s_openapi::api::core::v1::Secret;
use kube::api::Api;
use mtls_operator::api::names::DEFAULT_AUTHORITY;
use mtls_operator::api::{MtlsIdentity, MtlsIdentitySpec};
use serde_json::{Value, json};
use test_support::Failure;

use crate::environment::Environment;
use crate::population::create_namespace;
use crate::single::create;
use crate::writer::Payload;

const NAMESPACE: &str = "sample";
const NAME: &str = "member-sample";

/// A payload, and the spec of its identity with all defaults.
pub struct Sample {
    pub payload: Payload,
    pub spec: Value,
}

/// Lets the operator, which runs, issue one identity, and takes what it has written.
pub async fn sample(environment: &Environment) -> Result<Sample, Failure> {
    let client = environment.client().await?;
    environment.authority_ready(DEFAULT_AUTHORITY).await?;
    create_namespace(&client, NAMESPACE.into()).await?;
    let identities: Api<MtlsIdentity> = Api::namespaced(client.clone(), NAMESPACE);
    create(&identities, NAME, MtlsIdentitySpec::default()).await?;
    environment.ready(NAMESPACE, NAME).await?;
    let identity = serde_json::to_value(identities.get(NAME).await?)?;
    let secrets: Api<Secret> = Api::namespaced(client, NAMESPACE);
    let secret = serde_json::to_value(secrets.get(&format!("{NAME}-mtls")).await?)?;
    let metadata = json!({
        "labels": secret["metadata"]["labels"],
        "annotations": secret["metadata"]["annotations"],
    });
    let secret = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "type": secret["type"],
        "data": secret["data"],
    });
    let payload = Payload { secret, status: identity["status"].clone() };
    Ok(Sample { payload, spec: identity["spec"].clone() })
}
