//! Lists are read page by page through a limit: no object, and no number of them, is too large for the operator's memory, and
//! none keeps the others from being seen.

use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::Client;
use kube::client::Body;
use mtls_operator::operator::client::ApiClient;
use mtls_operator::operator::client::api_object::MetadataOf;
use mtls_operator::operator::client::connection::MAX_ANSWER;
use mtls_operator::operator::client::watch::{EventHandler, Watch};
use mtls_operator::operator::index::metadata::LeafMetadata;
use mtls_operator::operator::metrics::Metrics;
use mtls_operator::runtime::clock::Clock;
use mtls_operator::runtime::leader::Leadership;
use mtls_operator::runtime::readiness::Readiness;
use parking_lot::Mutex;
use serde_json::json;
use tower::BoxError;

type LeafSecret = MetadataOf<Secret, LeafMetadata>;

/// An API server of objects of these sizes, which are named by their numbers.
#[derive(Clone, Default)]
struct Sizes {
    objects: Arc<Vec<usize>>,
    /// The limits and continue tokens that lists named.
    asked: Arc<Mutex<Vec<(usize, usize)>>>,
    /// Whether metadata were asked for.
    as_metadata: Arc<Mutex<Vec<bool>>>,
    /// What the first watch tells. Others stay silent.
    told: Arc<Mutex<Option<Vec<u8>>>>,
}

impl Sizes {
    fn of(sizes: impl IntoIterator<Item = usize>) -> Self {
        Self { objects: Arc::new(sizes.into_iter().collect()), ..Self::default() }
    }

    fn client(&self) -> Client {
        let server = self.clone();
        Client::new(tower::service_fn(move |request| answer(server.clone(), request)), "default")
    }

    fn api(&self) -> ApiClient {
        let leadership = Leadership::always(Clock::system());
        ApiClient::new(self.client(), leadership, Metrics::default())
    }

    fn page(&self, query: &str) -> Vec<u8> {
        let of = |name: &str| query.split('&').find_map(|part| part.strip_prefix(name)?.parse().ok());
        let (limit, from): (usize, usize) = (of("limit=").unwrap(), of("continue=").unwrap_or(0));
        self.asked.lock().push((limit, from));
        let to = (from + limit).min(self.objects.len());
        let token = if to < self.objects.len() { to.to_string() } else { String::new() };
        let list = json!({ "resourceVersion": "9", "continue": token });
        let items: Vec<String> = (from..to).map(|number| object(number, self.objects[number])).collect();
        let items = items.join(",");
        format!(r#"{{"kind":"SecretList","apiVersion":"v1","metadata":{list},"items":[{items}]}}"#)
            .into_bytes()
    }

    fn limits(&self) -> Vec<usize> {
        self.asked.lock().iter().map(|(limit, _)| *limit).collect()
    }
}

async fn answer(server: Sizes, request: Request<Body>) -> Result<Response<Body>, BoxError> {
    let query = request.uri().query().unwrap_or_default();
    let accept = request.headers().get("accept").and_then(|value| value.to_str().ok()).unwrap_or_default();
    server.as_metadata.lock().push(accept.contains("PartialObjectMetadata"));
    if !query.contains("watch=true") {
        return Ok(Response::new(Body::from(server.page(query))));
    }
    let told = server.told.lock().take();
    match told {
        Some(told) => Ok(Response::new(Body::from(told))),
        None => std::future::pending().await,
    }
}

/// An object with an annotation of this size, as text: escaping many MiB takes long in a build for tests.
fn object(number: usize, size: usize) -> String {
    let metadata = format!(r#""namespace":"orders","name":"{number}","uid":"u","resourceVersion":"1""#);
    let ballast = "x".repeat(size);
    format!(r#"{{"metadata":{{{metadata},"annotations":{{"example.com/ballast":"{ballast}"}}}}}}"#)
}

const MIB: usize = 1 << 20;

/// The names that a list shows, page by page.
async fn listed(server: &Sizes) -> Vec<String> {
    let mut names = Vec::new();
    let mut pages = server.api().list::<LeafSecret>(None, "a=b");
    while let Some(page) = pages.next().await.unwrap() {
        assert_eq!(page.version.as_deref(), Some("9"));
        names.extend(page.items.into_iter().map(|secret| secret.metadata.name));
    }
    names
}

fn numbers(numbers: impl IntoIterator<Item = usize>) -> Vec<String> {
    numbers.into_iter().map(|number| number.to_string()).collect()
}

#[tokio::test]
async fn a_page_that_is_too_long_is_asked_for_again_with_half_the_limit() {
    let server = Sizes::of([MIB; 40]);
    assert_eq!(listed(&server).await, numbers(0..40));
    let asked = server.asked.lock().clone();
    assert_eq!(&asked[..8], [(500, 0), (250, 0), (125, 0), (62, 0), (31, 0), (15, 0), (7, 0), (7, 7)]);
}

#[tokio::test]
async fn after_sparse_pages_more_is_asked_for_again() {
    let sizes = [11 * MIB].into_iter().chain([10; 1000]);
    let server = Sizes::of([11 * MIB].into_iter().chain(sizes));
    assert_eq!(listed(&server).await.len(), 1002);
    let limits = server.limits();
    assert_eq!(&limits[8..], [1, 1, 1, 2, 4, 8, 16, 32, 64, 128, 256, 500], "{limits:?}");
}

#[tokio::test]
async fn an_object_that_is_too_large_by_itself_is_passed_over_wherever_it_is() {
    let large = MAX_ANSWER;
    for (sizes, seen) in [
        (vec![large, 1, 1], numbers([1, 2])),
        (vec![1, large, 1], numbers([0, 2])),
        (vec![1, 1, large], numbers([0, 1])),
        (vec![large], numbers([])),
        (vec![large, large], numbers([])),
    ] {
        assert_eq!(listed(&Sizes::of(sizes)).await, seen);
    }
}

/// What a watch has told.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl EventHandler<LeafSecret> for Told {
    fn init(&mut self) {
        self.0.lock().push("list".into());
    }
    fn apply(&mut self, secret: LeafSecret, is_from_list: bool) {
        let what = if is_from_list { "has" } else { "changed" };
        self.0.lock().push(format!("{what} {}", secret.metadata.name));
    }
    fn delete(&mut self, secret: LeafSecret) {
        self.0.lock().push(format!("deleted {}", secret.metadata.name));
    }
    fn init_done(&mut self) {
        self.0.lock().push("end".into());
    }
}

/// What a watch tells in its first minutes.
async fn told(server: &Sizes) -> Vec<String> {
    let (told, ready) = (Told::default(), Readiness::new());
    let watch = Watch::<LeafSecret>::all(server.client());
    let run = watch.run(Clock::system(), told.clone(), ready.handle("the list"));
    assert!(tokio::time::timeout(Duration::from_mins(3), run).await.is_err(), "a watch has ended");
    assert!(ready.awaited().is_empty(), "the first list is not complete");
    let told = told.0.lock();
    told.clone()
}

fn event(kind: &str, number: usize, size: usize) -> String {
    let object = object(number, size);
    format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n")
}

#[tokio::test(start_paused = true)]
async fn what_a_watch_lists_is_read_through_the_same_limit_and_asked_for_as_metadata() {
    let server = Sizes::of([3 * MIB, MAX_ANSWER, 3 * MIB, 3 * MIB, 3 * MIB]);
    assert_eq!(told(&server).await, ["list", "has 0", "has 2", "has 3", "has 4", "end"]);
    assert!(server.as_metadata.lock().iter().all(|is_so| *is_so));
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_too_long_is_made_up_for_by_a_list() {
    let server = Sizes::of([1]);
    let events = [event("ADDED", 0, 1), event("DELETED", 1, 3 * MIB), event("MODIFIED", 2, MAX_ANSWER)];
    *server.told.lock() = Some(events.concat().into_bytes());
    assert_eq!(
        told(&server).await,
        ["list", "has 0", "end", "changed 0", "deleted 1", "list", "has 0", "end"]
    );
}

#[tokio::test(start_paused = true)]
async fn an_event_that_cannot_be_read_keeps_no_other_from_being_seen() {
    let server = Sizes::of([]);
    let (broken, sound) = ("{\"type\":\"ADDED\",\"object\":[]}\n".to_owned(), event("ADDED", 0, 1));
    let bookmark = json!({
        "type": "BOOKMARK",
        "object": { "kind": "Secret", "apiVersion": "v1", "metadata": { "resourceVersion": "8" } },
    });
    *server.told.lock() = Some([broken, format!("{bookmark}\n"), sound].concat().into_bytes());
    assert_eq!(told(&server).await, ["list", "end", "changed 0"]);
}

#[tokio::test]
async fn an_object_that_is_too_large_is_not_read_and_says_so() {
    let body = json!({ "metadata": { "name": "x" }, "data": { "k": "x".repeat(MAX_ANSWER) } }).to_string();
    let service = tower::service_fn(move |_: Request<Body>| {
        let answer = Response::new(Body::from(body.clone().into_bytes()));
        async move { Ok::<_, BoxError>(answer) }
    });
    let leadership = Leadership::always(Clock::system());
    let client = ApiClient::new(Client::new(service, "default"), leadership, Metrics::default());
    let error = client.get::<ConfigMap>(Some("orders"), "x").await.unwrap_err().to_string();
    assert!(error.contains("ConfigMap orders/x") && error.contains("longer than"), "{error}");
}
