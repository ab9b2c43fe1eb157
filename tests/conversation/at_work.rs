//! The workers of the identity controller: a panic ends one reconcile only, and what is in flight at shutdown is finished.

use std::time::Duration;

use mtls_operator::operator::client::WRITE_TIMEOUT;
use mtls_operator::operator::error::TaskEnded;
use mtls_operator::operator::identity::controller::IdentityController;
use mtls_operator::runtime::leader::Leadership;
use mtls_operator::runtime::shutdown::{Shutdown, Trigger};
use serde_json::json;
use test_support::in_memory::api_server::Fault;
use test_support::in_memory::harness::{Harness, PATIENCE, issued};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// Workers of the identity controller, until they are stopped.
struct AtWork {
    running: JoinHandle<Result<(), TaskEnded>>,
    stop: Trigger,
    /// The workers wait for the first reconcile of an authority as long as there is a controller of authorities.
    _primed: watch::Sender<bool>,
}

impl AtWork {
    fn begin(harness: &Harness, count: usize) -> Self {
        let primed = watch::Sender::new(true);
        let leadership = Leadership::always(harness.context.clock.clone());
        let workers = IdentityController::new(
            harness.context.clone(),
            harness.keys.clone(),
            leadership,
            primed.subscribe(),
            count,
        );
        let (shutdown, stop) = Shutdown::manual();
        let end = async move {
            shutdown.triggered().await;
            Ok(())
        };
        Self { running: tokio::spawn(workers.run(end)), stop, _primed: primed }
    }
}

/// The paused time of tokio passes until the condition holds.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    let wait = async {
        while !is_so() {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("waited in vain for {what}"));
}

fn is_issued(harness: &Harness, name: &str) -> bool {
    let conditions = harness.identity(name).status.unwrap().conditions;
    conditions.iter().any(|condition| condition.type_ == "Ready") && harness.ready(name) == issued()
}

#[tokio::test(start_paused = true)]
async fn a_reconcile_that_panics_ends_alone_and_its_worker_goes_on() {
    let harness = Harness::set().await;
    harness.server.next("POST secrets orders/bad-mtls", Fault::Fatal);
    harness.apply("bad", &json!({}));
    harness.watch();
    let work = AtWork::begin(&harness, 1);
    until("the reconcile that panics", || harness.secret("bad-mtls").is_some()).await;
    harness.apply("good", &json!({}));
    harness.watch();
    until("the other identity", || is_issued(&harness, "good")).await;
    until("the identity itself, at another reconcile", || is_issued(&harness, "bad")).await;
    assert!(!work.running.is_finished());
    work.stop.fire();
    assert!(work.running.await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn what_is_in_flight_at_the_end_is_finished_and_nothing_more_begins() {
    let harness = Harness::set().await;
    harness.server.next("POST secrets orders/web-mtls", Fault::Held);
    harness.apply("web", &json!({}));
    harness.watch();
    let work = AtWork::begin(&harness, 1);
    until("its write", || harness.secret("web-mtls").is_some()).await;
    work.stop.fire();
    harness.apply("late", &json!({}));
    harness.watch();
    sleep(WRITE_TIMEOUT / 2).await;
    assert!(!work.running.is_finished(), "the stop did not wait for a write in flight");
    harness.server.go_on();
    assert!(work.running.await.unwrap().is_ok());
    assert!(is_issued(&harness, "web"), "the status was not written");
    assert!(harness.secret("late-mtls").is_none(), "a reconcile began after the stop");
}

#[tokio::test(start_paused = true)]
async fn a_write_that_hangs_does_not_hold_the_end_up_for_longer_than_it_may_live() {
    let harness = Harness::set().await;
    harness.server.next("POST secrets orders/web-mtls", Fault::Held);
    harness.apply("web", &json!({}));
    harness.watch();
    let work = AtWork::begin(&harness, 1);
    until("its write", || harness.secret("web-mtls").is_some()).await;
    let asked = harness.context.clock.monotonic();
    work.stop.fire();
    assert!(work.running.await.unwrap().is_ok());
    let took = harness.context.clock.monotonic().saturating_sub(asked);
    assert!(took <= WRITE_TIMEOUT + Duration::from_secs(1), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn no_more_reconciles_are_under_way_than_there_are_workers() {
    let harness = Harness::set().await;
    let names = ["a", "b", "c", "d", "e"];
    for name in names {
        harness.server.next(&format!("POST secrets orders/{name}-mtls"), Fault::Held);
        harness.apply(name, &json!({}));
    }
    harness.watch();
    let work = AtWork::begin(&harness, 2);
    let under_way = || names.iter().filter(|name| harness.secret(&format!("{name}-mtls")).is_some()).count();
    until("each worker to run a reconcile", || under_way() == 2).await;
    sleep(WRITE_TIMEOUT / 2).await;
    assert_eq!(under_way(), 2);
    harness.server.go_on();
    until("the next one to begin", || under_way() == 3).await;
    sleep(Duration::from_millis(100)).await;
    assert_eq!(under_way(), 3);
    work.stop.fire();
    assert!(work.running.await.unwrap().is_ok());
}
