//! The version in a watch event of a deletion, on a real API server: it is later than every state of the object, so that an
//! answer which comes after it is known to be late.

use std::pin::pin;
use std::time::Duration;

use futures::{Stream, StreamExt as _};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::runtime::watcher::{Config, Event, Result, watcher};
use mtls_operator::api::names::label;
use mtls_operator::operator::index::digest::version_number;
use serde_json::json;
use test_support::cluster::TestCluster;

fn version(secret: &Secret) -> u64 {
    version_number(secret.metadata.resource_version.as_deref().unwrap())
}

/// The version of the next deletion that the watch shows.
async fn deletion(mut events: impl Stream<Item = Result<Event<Secret>>> + Unpin) -> u64 {
    let next = async {
        loop {
            if let Event::Delete(secret) = events.next().await.unwrap().unwrap() {
                return version(&secret);
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), next).await.unwrap()
}

#[tokio::test]
async fn a_watch_names_a_version_of_the_deletion_that_is_later_than_every_state_of_the_object() {
    let cluster = TestCluster::without_operator(&[]);
    let secrets = cluster.namespace().await.secrets();
    let mut events = pin!(watcher(secrets.clone(), Config::default().labels(&label::selector())));
    while !matches!(events.next().await.unwrap().unwrap(), Event::InitDone) {}
    let labels = json!({ "app.kubernetes.io/managed-by": "mtls-operator" });
    let secret: Secret =
        serde_json::from_value(json!({ "metadata": { "name": "cart-mtls", "labels": labels } })).unwrap();
    let change = async |metadata: serde_json::Value| {
        let patch = Patch::Merge(json!({ "metadata": metadata }));
        version(&secrets.patch("cart-mtls", &PatchParams::default(), &patch).await.unwrap())
    };
    secrets.create(&PostParams::default(), &secret).await.unwrap();
    let last = change(json!({ "annotations": { "example.com/touched": "yes" } })).await;
    secrets.delete("cart-mtls", &DeleteParams::default()).await.unwrap();
    assert!(deletion(&mut events).await > last);
    let again = version(&secrets.create(&PostParams::default(), &secret).await.unwrap());
    let unlabelled = change(json!({ "labels": null })).await;
    assert!(again < unlabelled);
    assert_eq!(deletion(&mut events).await, unlabelled, "it is selected no more");
    assert!(change(json!({ "labels": labels })).await > unlabelled, "what brings it back is later");
}
