//! Verdicts of probes are written a few at a time, however many there are, and failed writes do not come again together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{Method, Request, Response, StatusCode};
use kube::Client;
use kube::client::Body;
use mtls_operator::operator::client::ApiClient;
use mtls_operator::operator::metrics::Metrics;
use mtls_operator::operator::probe::controller::ProbeController;
use mtls_operator::runtime::clock::Clock;
use mtls_operator::runtime::leader::Leadership;
use mtls_operator::runtime::readiness::Readiness;
use parking_lot::Mutex;
use serde_json::{Value, json};
use test_support::in_memory::harness::{Harness, IDENTITIES, NAMESPACE};
use tokio::time::sleep;
use tower::BoxError;

/// Writes of verdicts at a time.
const AT_ONCE: usize = 8;
/// How long the API server takes for a request.
const TAKES: Duration = Duration::from_millis(150);

/// Requests that the API server is working on, the most there ever were, and when each write began.
#[derive(Clone, Default)]
struct Load {
    now: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
    writes: Arc<Mutex<Vec<(String, Duration)>>>,
}

impl Load {
    fn begin(&self, request: &Request<Body>, at: Duration) {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        if request.method() == Method::PATCH {
            self.writes.lock().push((request.uri().path().to_owned(), at));
        }
    }

    fn end(&self) {
        self.now.fetch_sub(1, Ordering::SeqCst);
    }
}

/// An operator that does not probe, and so many identities that ask for it. The API server is slow, and fails each write if told.
async fn operator(identities: usize, fails: bool) -> (Harness, Load) {
    let mut harness = Harness::set().await;
    let probes = json!({ "probes": [{ "name": "tls", "serviceName": "web", "targetPort": 8443 }] });
    for number in 0..identities {
        harness.apply(&format!("web-{number:05}"), &probes);
    }
    let load = Load::default();
    let (server, counted) = (harness.server.client(&harness.context.clock), load.clone());
    let clock = Clock::system();
    let service = tower::service_fn(move |request: Request<Body>| {
        let (server, load) = (server.clone(), counted.clone());
        load.begin(&request, clock.monotonic());
        async move {
            sleep(TAKES).await;
            let answer = if fails { Ok(broken()?) } else { server.send(request).await };
            load.end();
            Ok::<_, BoxError>(answer?)
        }
    });
    let leadership = Leadership::always(harness.context.clock.clone());
    harness.context.client = ApiClient::new(Client::new(service, "default"), leadership, Metrics::default());
    (harness, load)
}

fn broken() -> Result<Response<Body>, http::Error> {
    Response::builder().status(StatusCode::INTERNAL_SERVER_ERROR).body(Body::empty())
}

/// Runs the controller of probes for so long.
async fn run(harness: &Harness, for_so_long: Duration) {
    for identity in harness.server.all(IDENTITIES) {
        harness.consumers.probes.change(|probes| probes.apply(&serde_json::from_value(identity).unwrap()));
    }
    let controller = ProbeController::new(harness.context.clone(), harness.consumers.probes.clone(), None);
    let leadership = Leadership::always(harness.context.clock.clone());
    let running = tokio::spawn(controller.run(leadership, Readiness::new()));
    sleep(for_so_long).await;
    running.abort();
}

fn says_disabled(identity: &Value) -> bool {
    let conditions = identity["status"]["conditions"].as_array();
    conditions
        .is_some_and(|all| all.iter().any(|one| one["type"] == "Serving" && one["reason"] == "Disabled"))
}

#[tokio::test(start_paused = true)]
async fn verdicts_on_2000_identities_are_written_a_few_at_a_time_until_all_are() {
    let (harness, load) = operator(2000, false).await;
    run(&harness, Duration::from_secs(80)).await;
    let identities = harness.server.all(IDENTITIES);
    assert_eq!(identities.iter().filter(|identity| says_disabled(identity)).count(), 2000);
    assert_eq!(load.most.load(Ordering::SeqCst), AT_ONCE, "requests at a time");
    assert_eq!(load.writes.lock().len(), 2000, "each once");
}

#[tokio::test(start_paused = true)]
async fn failed_writes_are_repeated_after_10_seconds_and_not_all_at_one_moment() {
    let (harness, load) = operator(AT_ONCE, true).await;
    run(&harness, Duration::from_secs(30)).await;
    let writes = load.writes.lock().clone();
    let (first, later) = writes.split_at(AT_ONCE);
    let began = first[0].1;
    assert!(first.iter().all(|(_, at)| *at == began), "{first:?}");
    let again = first.iter().map(|(path, _)| later.iter().find(|(written, _)| written == path).unwrap().1);
    let again: Vec<Duration> = again.map(|at| at.saturating_sub(began)).collect();
    let (soonest, latest) = (again.iter().min().unwrap(), again.iter().max().unwrap());
    assert!(*soonest >= Duration::from_secs(10), "{again:?}");
    assert!(latest.saturating_sub(*soonest) >= Duration::from_secs(2), "{again:?}");
}

/// A message of that length is nothing that this operator writes.
#[tokio::test(start_paused = true)]
async fn an_identity_whose_conditions_are_long_is_read_before_its_verdict_is_written() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({ "probes": [{ "name": "tls", "serviceName": "web", "targetPort": 8443 }] }));
    let long = json!([{ "type": "Foreign", "status": "True", "reason": "Theirs", "message": "a".repeat(9000),
        "lastTransitionTime": "2026-01-01T00:00:00Z" }]);
    harness.server.edit(IDENTITIES, NAMESPACE, "web", |web| web["status"]["conditions"] = long.clone());
    harness.asked();
    run(&harness, Duration::from_mins(1)).await;
    assert_eq!(harness.asked(), ["GET mtlsidentities orders/web", "PATCH status orders/web"]);
    let stored = harness.server.get(IDENTITIES, NAMESPACE, "web").unwrap();
    assert!(says_disabled(&stored));
    assert_eq!(stored["status"]["conditions"][0], long[0]);
}
