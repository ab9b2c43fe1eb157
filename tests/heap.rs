//! How many octets of the heap are in use at most: counted by the allocator of this program, which runs one test at a time.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::large_futures, reason = "the whole operator lies in the future of a test")]

use http::header::CONTENT_TYPE;
use http::{Request, Response};
use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use kube::client::Body;
use kube::core::PartialObjectMeta;
use mtls_operator::operator::authority::root::load::load;
use mtls_operator::operator::authority::rotation::gate::{Confirmation, RotationGate};
use mtls_operator::operator::client::ApiClient;
use mtls_operator::operator::metrics::Metrics;
use mtls_operator::runtime::leader::Leadership;
use peak_alloc::PeakAlloc;
use serde_json::{Value, json};
use test_support::in_memory::harness::{Harness, NAMESPACE};
use test_support::in_memory::rotation_run::RotationRun;
use tower::BoxError;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

const MIB: usize = 1 << 20;
/// Secrets of a large cluster.
const SECRETS: usize = 25_000;
/// Octets of the managed fields of one, as the API server writes them for our Secrets.
const MANAGED: usize = 1500;

/// The metadata of the Secret of one of many identities, like those of this one.
fn nth(like: &Value, number: usize) -> Value {
    let mut metadata = like.clone();
    metadata["name"] = json!(format!("pod-{number:06}-mtls"));
    metadata["uid"] = json!(format!("secret-{number}"));
    metadata["labels"]["mtls-operator.dev/identity"] = json!(format!("pod-{number:06}"));
    metadata["annotations"]["mtls-operator.dev/identity-uid"] = json!(format!("uid-pod-{number}"));
    metadata
}

/// A page of the list of all Secrets.
fn page(like: &Value, query: &str) -> Vec<u8> {
    let of = |name: &str| query.split('&').find_map(|part| part.strip_prefix(name)?.parse::<usize>().ok());
    let (from, limit) = (of("continue=").unwrap_or(0), of("limit=").unwrap());
    let to = (from + limit).min(SECRETS);
    let managed = json!([{ "manager": "mtls-operator", "fieldsV1": fields() }]);
    let items = (from..to).map(|number| {
        let mut metadata = nth(like, number);
        metadata["managedFields"] = managed.clone();
        serde_json::to_string(&json!({ "metadata": metadata })).unwrap()
    });
    let token = if to < SECRETS { to.to_string() } else { String::new() };
    let items = items.collect::<Vec<_>>().join(",");
    let list = json!({ "continue": token, "resourceVersion": "999999" });
    format!(r#"{{"kind":"PartialObjectMetadataList","metadata":{list},"items":[{items}]}}"#).into_bytes()
}

fn fields() -> Value {
    let keys = (0..MANAGED / 30).map(|number| (format!("f:mtls-operator.dev/key-{number:03}"), json!({})));
    Value::Object(keys.collect())
}

/// The API server of a mesh, whose list of Secrets is this long.
fn client(harness: &Harness, like: &Value) -> Client {
    let (others, like) = (harness.server.client(&harness.context.clock), like.clone());
    let service = tower::service_fn(move |request: Request<Body>| {
        let (others, like) = (others.clone(), like.clone());
        async move {
            let uri = request.uri();
            let answer = match uri.path() {
                "/api/v1/secrets" => {
                    let body = Body::from(page(&like, uri.query().unwrap_or_default()));
                    Response::builder().header(CONTENT_TYPE, "application/json").body(body)?
                }
                _ => others.send(request).await?,
            };
            Ok::<_, BoxError>(answer)
        }
    });
    Client::new(service, "default")
}

/// The index knows all of them.
fn fill_index(harness: &Harness, like: &Value) {
    let now = harness.context.millis();
    for number in 0..SECRETS {
        let mut identity = harness.identity("web");
        identity.metadata.name = Some(format!("pod-{number:06}"));
        identity.metadata.uid = Some(format!("uid-pod-{number}"));
        let secret: PartialObjectMeta<Secret> =
            serde_json::from_value(json!({ "metadata": nth(like, number) })).unwrap();
        harness.context.scheduler.change(|scheduler| {
            scheduler.apply_secret(&secret, false, now);
            scheduler.apply_identity(&identity, false, now);
        });
    }
}

#[tokio::test(start_paused = true)]
async fn to_confirm_over_25000_secrets_takes_a_few_mib() {
    let mut mesh = RotationRun::of(&["web"], RotationRun::swift()).await;
    mesh.ask("1");
    mesh.until("Announced", 30, 1).await;
    mesh.tick(1).await;
    let like = mesh.harness.server.get("secrets", NAMESPACE, "web-mtls").unwrap()["metadata"].clone();
    let harness = &mut mesh.harness;
    fill_index(harness, &like);
    harness.server.delete("mtlsidentities", NAMESPACE, "web");
    let now = harness.context.millis();
    harness.context.scheduler.change(|scheduler| scheduler.remove_identity(NAMESPACE, "web", now));
    let client = client(harness, &like);
    let leadership = Leadership::always(harness.context.clock.clone());
    harness.context.client = ApiClient::new(client, leadership, Metrics::default());
    harness.consumers.bundles.context = harness.context.clone();
    let root = harness.server.get("secrets", "mtls-system", "mtls-authority-mesh").unwrap();
    let spec = harness.context.issuers.get("mesh").unwrap().spec.clone();
    let loaded =
        load(Some(&serde_json::from_value(root).unwrap()), &spec, "roots", harness.manual_clock.now());
    let before = HEAP.current_usage();
    HEAP.reset_peak_usage();
    let confirmation = RotationGate::now(&harness.consumers, &spec, &loaded).confirm().await.unwrap();
    let peak = HEAP.peak_usage() - before;
    println!("index and fixture {} MiB, confirming {} KiB more", before / MIB, peak / 1024);
    assert!(matches!(confirmation, Confirmation::Confirmed), "{confirmation:?}");
    assert!(peak < 12 * MIB, "{} MiB", peak / MIB);
}
