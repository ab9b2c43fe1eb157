//! Watches list again though nothing seems wrong, each at a time of its own, and after errors; never without pause.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use k8s_openapi::api::core::v1::Namespace;
use kube::client::Body;
use kube::{Client, Resource};
use mtls_operator::api::MtlsAuthority;
use mtls_operator::operator::client::ApiClient;
use mtls_operator::operator::client::connection::Connection;
use mtls_operator::operator::client::watch::{EventHandler, Watch};
use mtls_operator::operator::metrics::Metrics;
use mtls_operator::operator::metrics::watches::WatchMetrics;
use mtls_operator::runtime::clock::Clock;
use mtls_operator::runtime::leader::Leadership;
use mtls_operator::runtime::readiness::Readiness;
use parking_lot::Mutex;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use test_support::in_memory::harness::Harness;
use tokio::time::sleep;

/// What happens to a watch that is opened.
#[derive(Clone, Copy)]
enum Watched {
    /// It shows nothing.
    Silent,
    /// It is answered with this status each time.
    Refused(StatusCode),
    /// It is answered with 429 and such a pause, in seconds.
    Throttled(u32),
}

/// When what was asked of an API server.
#[derive(Clone, Default)]
struct Asked {
    lists: Arc<Mutex<Vec<Duration>>>,
    watches: Arc<Mutex<Vec<Duration>>>,
}

impl Asked {
    /// A client of an API server that has nothing, and where watches end like this.
    fn client(&self, watched: Watched) -> Client {
        let (asked, clock) = (self.clone(), Clock::system());
        let service = tower::service_fn(move |request: Request<Body>| {
            let is_watch = request.uri().query().is_some_and(|query| query.contains("watch=true"));
            if is_watch { &asked.watches } else { &asked.lists }.lock().push(clock.monotonic());
            async move {
                let answer = match (is_watch, watched) {
                    (true, Watched::Silent) => std::future::pending().await,
                    (true, Watched::Refused(status)) => answer(
                        status,
                        &json!({ "kind": "Status", "status": "Failure", "code": status.as_u16(), "reason": "Gone", "message": "too old" }),
                    ),
                    (true, Watched::Throttled(seconds)) => answer(
                        StatusCode::TOO_MANY_REQUESTS,
                        &json!({ "kind": "Status", "status": "Failure", "code": 429, "message": "busy",
                            "details": { "retryAfterSeconds": seconds } }),
                    ),
                    (false, _) => answer(
                        StatusCode::OK,
                        &json!({ "kind": "List", "apiVersion": "v1", "metadata": { "resourceVersion": "1" }, "items": [] }),
                    ),
                };
                Ok::<_, Infallible>(answer)
            }
        });
        Client::new(service, "default")
    }

    /// How far apart the lists were.
    fn intervals(&self) -> Vec<Duration> {
        intervals(&self.lists.lock())
    }
}

fn intervals(moments: &[Duration]) -> Vec<Duration> {
    moments.windows(2).map(|two| two[1].saturating_sub(two[0])).collect()
}

fn answer(status: StatusCode, body: &Value) -> Response<Body> {
    let body = Body::from(serde_json::to_vec(body).unwrap());
    Response::builder().status(status).header("content-type", "application/json").body(body).unwrap()
}

/// A handler that ignores what a watch shows.
struct Ignore;

impl<K> EventHandler<K> for Ignore {
    fn init(&mut self) {}
    fn apply(&mut self, _: K, _: bool) {}
    fn delete(&mut self, _: K) {}
    fn init_done(&mut self) {}
}

/// Watches all objects of a kind for so long, on an API server where watches end like this.
async fn watch<K>(watched: Watched, for_so_long: Duration) -> Asked
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned + Send + 'static,
{
    let asked = Asked::default();
    watch_by::<K>(asked.client(watched).into(), for_so_long, &WatchMetrics::default()).await;
    asked
}

/// Watches all objects of a kind by this connection for so long. Returns the figures at the end.
async fn watch_by<K>(connection: Connection, for_so_long: Duration, metrics: &WatchMetrics) -> Vec<String>
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned + Send + 'static,
{
    let mut registry = Registry::default();
    metrics.register(&mut registry);
    let (harness, ready) = (Harness::set().await, Readiness::new());
    let subject = Watch::<K>::all(connection).counted(metrics);
    let figures = async {
        sleep(for_so_long).await;
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
    };
    let figures = tokio::select! {
        () = subject.run(harness.context.clock.clone(), Ignore, ready.handle("the list")) => panic!("a watch has ended"),
        figures = figures => figures,
    };
    assert!(ready.awaited().is_empty(), "the first list was not reported");
    figures
}

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test(start_paused = true)]
async fn a_silent_watch_lists_again_after_45_to_68_minutes_each_time_and_each_kind_at_another() {
    let day = MINUTE * 60 * 24;
    let authorities = watch::<MtlsAuthority>(Watched::Silent, day).await.intervals();
    let namespaces = watch::<Namespace>(Watched::Silent, day).await.intervals();
    for intervals in [&authorities, &namespaces] {
        assert!(intervals.len() >= 20, "{intervals:?}");
        let are_long = |interval: &Duration| (MINUTE * 45..=MINUTE * 68).contains(interval);
        assert!(intervals.iter().all(are_long), "{intervals:?}");
        assert!(intervals.windows(2).any(|two| two[0] != two[1]), "always as long: {intervals:?}");
    }
    assert_ne!(authorities, namespaces, "they list together");
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_refused_is_counted_by_its_resource_and_reason_and_tells_when_it_was_told_last() {
    let metrics = WatchMetrics::default();
    let forbidden = Watched::Refused(StatusCode::FORBIDDEN);
    let asked = Asked::default();
    let figures = watch_by::<Namespace>(asked.client(forbidden).into(), MINUTE, &metrics).await;
    let refused = asked.watches.lock().len();
    assert!(refused >= 4, "{refused} watches");
    let errors =
        format!("mtls_operator_watch_errors_total{{resource=\"namespaces\",reason=\"Refused\"}} {refused}");
    let told = "mtls_operator_watch_last_event_timestamp_seconds{resource=\"namespaces\"} ";
    let mut figures = figures.iter();
    assert_eq!(figures.next(), Some(&errors));
    assert!(figures.all(|line| line.starts_with(told)), "the list has told something");
}

/// kube's watcher opens a watch that is answered with this status again and again, and never lists.
#[tokio::test(start_paused = true)]
async fn a_watch_that_is_told_its_history_is_gone_lists_again_after_four_errors_and_ever_more_rarely() {
    let asked = watch::<Namespace>(Watched::Refused(StatusCode::GONE), MINUTE * 30).await;
    let (lists, watches) = (asked.lists.lock().len(), asked.watches.lock().clone());
    assert!(lists >= 3, "{lists} lists");
    // The last list may have been followed by fewer.
    assert!(
        (4 * (lists - 1)..=4 * lists).contains(&watches.len()),
        "{} watches, {lists} lists",
        watches.len()
    );
    let pauses = intervals(&watches);
    let (first, last) = (pauses[0], *pauses.last().unwrap());
    assert!(first < Duration::from_secs(3), "it is not tried again soon: {pauses:?}");
    assert!(last > Duration::from_secs(10), "an API server that fails is asked all the time: {pauses:?}");
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_told_to_wait_waits_so_long_and_all_reconciles_with_it() {
    let asked = Asked::default();
    let connection = Connection::from(asked.client(Watched::Throttled(4)));
    let api = ApiClient::new(&connection, Leadership::always(Clock::system()), Metrics::default());
    watch_by::<Namespace>(connection, Duration::from_secs(30), &WatchMetrics::default()).await;
    let pauses = intervals(&asked.watches.lock());
    assert!(pauses.len() >= 2, "{pauses:?}");
    assert!(pauses.iter().all(|pause| *pause >= Duration::from_secs(4)), "{pauses:?}");
    assert_eq!(api.throttle().take(), Some(Duration::from_secs(4)));
}
