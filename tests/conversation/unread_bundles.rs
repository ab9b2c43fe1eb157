//! ConfigMaps are seen as metadata, one by one where that does not suffice, and only while an authority publishes to some.

use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use kube::Client;
use kube::client::Body;
use mtls_operator::operator::client::ApiClient;
use mtls_operator::operator::client::connection::Connection;
use mtls_operator::operator::metrics::Metrics;
use mtls_operator::operator::trust_bundle::config_maps::watch_config_maps;
use mtls_operator::operator::trust_bundle::status::statuses;
use mtls_operator::plan::trust_bundle::published::verdict;
use mtls_operator::runtime::leader::Leadership;
use parking_lot::Mutex;
use serde_json::{Value, json};
use test_support::in_memory::api_server::ApiServer;
use test_support::in_memory::harness::{CONFIG_MAPS, Harness, NAMESPACE, NOW};
use test_support::in_memory::rotation_run::RotationRun;
use tower::BoxError;

const NAME: &str = "mesh-trust-bundle";

async fn published() -> Harness {
    let mut spec = RotationRun::swift();
    spec["trustBundle"] = json!({ "namespaces": { "from": "All" } });
    let mut harness =
        Harness::bare(ApiServer::default(), NOW).with_authority(serde_json::from_value(spec).unwrap()).await;
    assert_eq!(harness.distributed().await, [format!("POST configmaps {NAMESPACE}/{NAME}")]);
    harness
}

fn said(harness: &Harness) -> (&'static str, String) {
    let issuer = harness.context.issuers.get("mesh").unwrap();
    let (reason, message) = verdict(&statuses(&harness.consumers.bundles, &issuer).unwrap());
    (reason.as_str(), message)
}

#[tokio::test]
async fn a_change_that_leaves_the_bundle_as_it_is_costs_one_read() {
    let mut harness = published().await;
    harness.server.edit(CONFIG_MAPS, NAMESPACE, NAME, |found| {
        found["metadata"]["annotations"]["example.com/touched"] = json!("yes");
    });
    harness.watch();
    assert_eq!(said(&harness).0, "Published", "until it is read its metadata are believed");
    assert_eq!(harness.distributed().await, [format!("GET configmaps {NAMESPACE}/{NAME}")]);
    assert_eq!(harness.distributed().await, [""; 0]);
}

#[tokio::test]
async fn after_a_restart_metadata_are_believed_until_what_they_stand_for_is_read() {
    let harness = published().await;
    let restarted = harness.restarted().await;
    assert_eq!(said(&restarted).0, "Published");
    harness.server.edit(CONFIG_MAPS, NAMESPACE, NAME, |found| found["data"]["ca.crt"] = json!("nothing"));
    let mut restarted = harness.restarted().await;
    restarted.asked();
    let [get, patch] = ["GET", "PATCH"].map(|verb| format!("{verb} configmaps {NAMESPACE}/{NAME}"));
    assert_eq!(restarted.distributed().await, [&*get, &*patch]);
    assert_eq!(said(&restarted).0, "Published");
}

/// What is asked of an API server that answers each list of ConfigMaps like this, and watches with silence.
#[derive(Clone, Default)]
struct Asked(Arc<Mutex<Vec<String>>>);

impl Asked {
    fn client(&self, status: StatusCode, list: Value) -> Client {
        let asked = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let (asked, list) = (asked.clone(), list.clone());
            async move {
                let accept = request.headers()["accept"].to_str().unwrap();
                assert!(accept.contains("PartialObjectMetadata"), "{accept}");
                let query = request.uri().query().unwrap();
                assert!(
                    query.contains("labelSelector=app.kubernetes.io%2Fmanaged-by%3Dmtls-operator"),
                    "{query}"
                );
                let is_watch = query.contains("watch=true");
                asked.0.lock().push(if is_watch { "watch" } else { "list" }.to_owned());
                if is_watch {
                    std::future::pending::<()>().await;
                }
                Ok::<_, BoxError>(
                    Response::builder().status(status).body(Body::from(list.to_string().into_bytes()))?,
                )
            }
        });
        Client::new(service, "default")
    }

    fn taken(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock())
    }
}

/// The watch of an operator, which goes on while the test does what it does.
fn watch(harness: &mut Harness, client: &Client) -> tokio::task::JoinHandle<()> {
    let connection = Connection::from(client);
    let leadership = Leadership::always(harness.context.clock.clone());
    harness.context.client = ApiClient::new(&connection, leadership, Metrics::default());
    harness.consumers.bundles.context = harness.context.clone();
    tokio::spawn(watch_config_maps(harness.consumers.bundles.clone(), connection, None))
}

async fn a_minute() {
    tokio::time::sleep(Duration::from_mins(1)).await;
}

#[tokio::test(start_paused = true)]
async fn config_maps_are_watched_while_they_are_asked_for() {
    let (mut harness, asked) = (Harness::set().await, Asked::default());
    let empty = json!({ "metadata": { "resourceVersion": "7" }, "items": [] });
    let task = watch(&mut harness, &asked.client(StatusCode::OK, empty));
    a_minute().await;
    assert_eq!(asked.taken(), ["list"], "whether one is left");
    harness.consumers.bundles.store.ask_for_config_maps(true);
    a_minute().await;
    assert_eq!(asked.taken(), ["list", "list", "watch"]);
    harness.consumers.bundles.store.ask_for_config_maps(false);
    a_minute().await;
    harness.consumers.bundles.store.ask_for_config_maps(true);
    a_minute().await;
    assert_eq!(asked.taken(), ["list", "list", "watch"]);
    task.abort();
}

#[tokio::test(start_paused = true)]
async fn one_that_is_left_from_before_is_watched_though_none_is_asked_for() {
    let (mut harness, asked) = (Harness::set().await, Asked::default());
    let left = json!({ "metadata": {
        "namespace": NAMESPACE, "name": "left", "resourceVersion": "3",
        "labels": { "app.kubernetes.io/managed-by": "mtls-operator", "mtls-operator.dev/authority": "mesh" },
        "annotations": { "mtls-operator.dev/trust": "t" },
    }});
    let list = json!({ "metadata": { "resourceVersion": "7" }, "items": [left] });
    let task = watch(&mut harness, &asked.client(StatusCode::OK, list));
    a_minute().await;
    assert!(asked.taken().contains(&"watch".to_owned()));
    assert!(harness.consumers.bundles.store.lock().has_config_maps());
    task.abort();
}

#[tokio::test(start_paused = true)]
async fn without_the_right_the_condition_names_the_value_that_gives_it() {
    let (mut harness, asked) = (published().await, Asked::default());
    let refused =
        json!({ "kind": "Status", "status": "Failure", "code": 403, "reason": "Forbidden", "message": "no" });
    let task = watch(&mut harness, &asked.client(StatusCode::FORBIDDEN, refused));
    harness.consumers.bundles.store.ask_for_config_maps(true);
    a_minute().await;
    let (reason, message) = said(&harness);
    assert_eq!(reason, "Failed");
    assert!(message.contains("trustBundles.configMaps=true") && message.ends_with(": no"), "{message}");
    let asked = asked.taken();
    assert!((3..=5).contains(&asked.len()) && !asked.contains(&"watch".to_owned()), "{asked:?}");
    task.abort();
}
