//! The bare writer: for each object one Secret and one status, with the bytes that the operator would write, and nothing
//! else. It is a process of its own, so that its CPU can be told apart.
//!
//! It keeps no state and decides nothing: no slower than this can anything be that makes these two writes.

use std::fs;
use std::path::Path;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use http::Request;
use kube::Client;
use kube::api::ApiResource;
use kube::client::Body;
use mtls_operator::runtime::client::connect;
use mtls_operator::runtime::clock::Clock;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use test_support::Failure;
use test_support::installation::config;
use test_support::reporter::print;

use crate::population::AT_ONCE;
use crate::process;

/// An object that exists.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Target {
    pub namespace: String,
    pub name: String,
    pub uid: String,
    pub version: String,
}

/// What is to be written: the Secret and the status of one identity, as the operator has written them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Payload {
    pub secret: Value,
    pub status: Value,
}

/// The whole order.
#[derive(Serialize, Deserialize)]
pub struct Order {
    pub group: String,
    pub version: String,
    pub kind: String,
    pub plural: String,
    pub payload: Payload,
    pub targets: Vec<Target>,
}

impl Order {
    /// One for objects of this resource.
    pub fn new(resource: &ApiResource, payload: Payload, targets: Vec<Target>) -> Self {
        let ApiResource { group, version, kind, plural, .. } = resource.clone();
        Self { group, version, kind, plural, payload, targets }
    }

    fn secret(&self, target: &Target) -> Value {
        let Self { group, version, kind, .. } = self;
        let mut secret = self.payload.secret.clone();
        secret["metadata"]["name"] = json!(format!("{}-mtls", target.name));
        secret["metadata"]["namespace"] = json!(target.namespace);
        secret["metadata"]["ownerReferences"] = json!([{
            "apiVersion": format!("{group}/{version}"),
            "kind": kind,
            "name": target.name,
            "uid": target.uid,
            "controller": true,
            "blockOwnerDeletion": false,
        }]);
        secret
    }

    fn status_path(&self, Target { namespace, name, .. }: &Target) -> String {
        let Self { group, version, plural, .. } = self;
        format!(
            "/apis/{group}/{version}/namespaces/{namespace}/{plural}/{name}/status?fieldManager=mtls-operator"
        )
    }
}

/// What the writer has used.
#[derive(Serialize, Deserialize)]
pub struct Usage {
    pub cpu: Duration,
    pub resident: f64,
    pub peak: f64,
}

/// Writes all of an order, and prints what that has used.
pub async fn write(kubeconfig: &str, order: &str) -> Result<(), Failure> {
    let client = connect(config(Path::new(kubeconfig)).await?, Clock::system())?;
    let order: Order = serde_json::from_slice(&fs::read(order)?)?;
    let written = order.targets.iter().map(|target| write_one(&client, &order, target));
    stream::iter(written).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    let (resident, peak) = process::memory(std::process::id())?;
    let usage = Usage { cpu: process::cpu(std::process::id())?, resident, peak };
    print(&serde_json::to_string(&usage)?);
    Ok(())
}

async fn write_one(client: &Client, order: &Order, target: &Target) -> Result<(), Failure> {
    let secrets = format!("/api/v1/namespaces/{}/secrets?fieldManager=mtls-operator", target.namespace);
    let create = Request::post(secrets).header("content-type", "application/json");
    send(client, create, &order.secret(target)).await?;
    let patch =
        Request::patch(order.status_path(target)).header("content-type", "application/merge-patch+json");
    let status = json!({ "metadata": { "resourceVersion": target.version }, "status": order.payload.status });
    send(client, patch, &status).await
}

/// Sends a request, and takes the answer's bytes without looking at them.
async fn send(client: &Client, request: http::request::Builder, body: &Value) -> Result<(), Failure> {
    let answer = client.send(request.body(Body::from(serde_json::to_vec(body)?))?).await?;
    let status = answer.status();
    let bytes = answer.into_body().collect_bytes().await?;
    if status.is_success() { Ok(()) } else { Err(String::from_utf8_lossy(&bytes).into_owned().into()) }
}
