//! Conflicts, lost answers, broken servers, lost leadership: nothing is ever issued twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use http::{Request, Response, StatusCode};
use kube::Client;
use kube::client::Body;
use mtls_operator::api::{MtlsAuthority, MtlsAuthoritySpec};
use mtls_operator::operator::client::watch::{EventHandler, Watch};
use mtls_operator::operator::error::Error;
use mtls_operator::operator::events::disruption;
use mtls_operator::operator::identity::reconcile::reconcile;
use mtls_operator::runtime::readiness::Readiness;
use serde_json::json;
use test_support::in_memory::api_server::Fault;
use test_support::in_memory::harness::{A_WHILE, Harness, issued};

/// Runs a first issuance that meets a fault, lets time pass until it is issued, and returns every call.
async fn first_issuance(line: &str, fault: Fault) -> (Harness, Vec<String>) {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({}));
    harness.server.next(line, fault);
    let mut calls = harness.settle().await;
    for _ in 0..3 {
        harness.advance(A_WHILE);
        calls.extend(harness.settle().await);
    }
    assert_eq!(harness.ready("web"), issued(), "{line} {fault:?}: {calls:#?}");
    (harness, calls)
}

fn count(calls: &[String], line: &str) -> usize {
    calls.iter().filter(|call| call.starts_with(line)).count()
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_the_first_write_makes_no_second_leaf() {
    let (harness, calls) = first_issuance("POST secrets", Fault::AnswerLost).await;
    assert_eq!(count(&calls, "POST secrets"), 1);
    assert_eq!(count(&calls, "PATCH secrets"), 0);
    assert_eq!(harness.identity("web").status.unwrap().serial, Some(harness.serial("web")));
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_the_status_makes_no_second_leaf() {
    let (_, calls) = first_issuance("PATCH status", Fault::AnswerLost).await;
    assert_eq!((count(&calls, "POST secrets"), count(&calls, "PATCH secrets")), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_refused_status_makes_no_second_leaf() {
    let (_, calls) = first_issuance("PATCH status", Fault::Broken).await;
    assert_eq!((count(&calls, "POST secrets"), count(&calls, "PATCH secrets")), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_status_that_was_overtaken_is_observed_again_at_once() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({}));
    harness.watch();
    harness.server.next("PATCH status", Fault::Overtaken);
    let calls = harness.calls().await;
    let again = ["GET mtlsidentities orders/web", "GET secrets orders/web-mtls", "PATCH status orders/web"];
    assert_eq!(calls[..2], ["POST secrets orders/web-mtls", "PATCH status orders/web"]);
    assert!(again.iter().all(|call| calls[2..].iter().any(|made| made == call)), "{calls:#?}");
    assert_eq!((count(&calls, "POST"), count(&calls, "PATCH secrets")), (1, 0));
    assert_eq!(harness.ready("web"), issued());
}

#[tokio::test(start_paused = true)]
async fn a_first_write_that_fails_is_tried_again_and_says_so() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({}));
    harness.watch();
    harness.server.next("POST secrets", Fault::Broken);
    assert!(matches!(harness.work().await.as_slice(), [Err(Error::Api { .. })]));
    assert_eq!(harness.ready("web"), ("False".into(), "Issuing".into()));
    let message = harness.message("web");
    assert!(message.contains("being issued; the last attempt ended with: "), "{message}");
    harness.advance(A_WHILE);
    harness.settle().await;
    assert_eq!(harness.ready("web"), issued());
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_another_replica_has_just_made_is_taken_as_it_is() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({}));
    harness.settle().await;
    let before = harness.serial("web");
    harness.server.edit("mtlsidentities", "orders", "web", |identity| {
        identity["status"] = json!({"observedGeneration": -1});
    });
    // This replica knows the identity, but its watch of Secrets lags.
    let mut other = Harness::bare(harness.server.clone(), harness.manual_clock.now());
    other.reconcile_authority().await.unwrap();
    let identity = other.identity("web");
    other
        .context
        .scheduler
        .change(|scheduler| scheduler.apply_identity(&identity, true, other.context.millis()));
    other.asked();
    let calls = other.calls().await;
    let writes: Vec<&String> = calls.iter().filter(|call| !call.starts_with("GET")).collect();
    assert_eq!(writes, ["POST secrets orders/web-mtls", "PATCH status orders/web"], "{calls:#?}");
    assert_eq!((other.serial("web"), other.ready("web")), (before, issued()));
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_was_overtaken_is_decided_again_from_what_is_there() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({}));
    harness.settle().await;
    harness.manual_clock.set(harness.identity("web").status.unwrap().renewal_time.unwrap().0);
    harness.server.next("PATCH secrets", Fault::Overtaken);
    let calls = harness.calls().await;
    assert_eq!(count(&calls, "PATCH secrets"), 2, "{calls:#?}");
    let secret = harness.secret("web-mtls").unwrap();
    assert_eq!(secret["metadata"]["annotations"]["example.com/touched"], "yes");
    assert_eq!(secret["metadata"]["annotations"]["mtls-operator.dev/revision"], "2");
    assert_eq!(harness.ready("web"), issued());
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_a_renewal_makes_no_second_one() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({}));
    harness.settle().await;
    harness.manual_clock.set(harness.identity("web").status.unwrap().renewal_time.unwrap().0);
    harness.server.next("PATCH secrets", Fault::AnswerLost);
    let mut calls = harness.settle().await;
    harness.advance(A_WHILE);
    calls.extend(harness.settle().await);
    assert_eq!(count(&calls, "PATCH secrets"), 1, "{calls:#?}");
    assert_eq!(harness.identity("web").status.unwrap().serial, Some(harness.serial("web")));
    assert_eq!(harness.identity("web").status.unwrap().revision, Some(2));
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_does_not_lead_writes_nothing() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({}));
    harness.watch();
    harness.depose();
    assert!(matches!(harness.work().await.as_slice(), [Err(Error::NotLeader { .. })]));
    assert!(harness.asked().iter().all(|call| call.starts_with("GET")));
    assert_eq!(harness.secret("web-mtls"), None);
    assert_eq!(harness.identity("web").status.unwrap().observed_generation, Some(-1));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_judged_before_the_labels_of_its_namespace_are_known() {
    let harness = Harness::set().await;
    let elsewhere = json!({"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["red"]}]});
    harness.server.edit("mtlsauthorities", "", "mesh", |mesh| mesh["spec"]["namespaces"] = elsewhere);
    harness.reconcile_authority().await.unwrap();
    harness.server.calls();
    harness.apply("web", &json!({}));
    harness.watch();
    let job = harness.context.scheduler.change(|scheduler| scheduler.next(harness.context.millis())).unwrap();
    harness.context.scheduler.change(|scheduler| scheduler.remove_namespace("orders"));
    let outcome = reconcile(&harness.context, &harness.keys, job).await;
    assert!(matches!(outcome, Err(Error::Stale { .. })), "{outcome:?}");
    let calls = harness.server.asked();
    assert!(calls.iter().all(|call| call.starts_with("GET")), "{calls:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_root_that_changed_unseen_signs_nothing() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({}));
    harness.watch();
    harness.advance(A_WHILE);
    harness
        .server
        .edit("secrets", "mtls-system", "mtls-authority-mesh", |root| root["data"]["x"] = json!("eA=="));
    assert!(harness.work().await.iter().all(|outcome| matches!(outcome, Err(Error::Stale { .. }))));
    assert!(harness.asked().iter().all(|call| call.starts_with("GET")));
    harness.reconcile_authority().await.unwrap();
    harness.advance(A_WHILE);
    harness.reconcile_authority().await.unwrap();
    harness.settle().await;
    assert_eq!(harness.ready("web"), issued());
}

/// A handler that ignores what a watch shows.
struct Ignore;

impl EventHandler<MtlsAuthority> for Ignore {
    fn init(&mut self) {}
    fn apply(&mut self, _: MtlsAuthority, _: bool) {}
    fn delete(&mut self, _: MtlsAuthority) {}
    fn init_done(&mut self) {}
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_fails_again_and_again_asks_ever_less_often() {
    let harness = Harness::set().await;
    let asked = Arc::new(AtomicU32::new(0));
    let count = asked.clone();
    let refusal = tower::service_fn(move |_: Request<Body>| {
        count.fetch_add(1, Ordering::Relaxed);
        let answer = Response::builder().status(StatusCode::UNAUTHORIZED).body(Body::empty());
        async move { answer }
    });
    let client = Client::new(refusal, "default");
    let watch = Watch::<MtlsAuthority>::all(&client).run(
        harness.context.clock.clone(),
        Ignore,
        Readiness::new().handle("authorities"),
    );
    let ten_minutes = tokio::time::timeout(Duration::from_mins(10), watch);
    assert!(ten_minutes.await.is_err(), "the watch ended");
    let asked = asked.load(Ordering::Relaxed);
    // 800 ms, doubled up to 30 s, each up to twice as long by chance.
    assert!((10..=30).contains(&asked), "{asked} requests in ten minutes");
}

#[tokio::test(start_paused = true)]
async fn the_note_of_an_event_is_as_long_as_the_api_server_takes_it_in_any_language() {
    let harness = Harness::set().await;
    let authority = MtlsAuthority::new("mesh", MtlsAuthoritySpec::default());
    for (text, length) in [("a", 1024), ("\u{e4}", 1024), ("\u{20ac}", 1023)] {
        disruption(&harness.context, &authority, "Test", &text.repeat(2000)).await;
        let calls = harness.server.calls();
        let note = calls.last().unwrap().body["note"].as_str().unwrap().to_owned();
        assert_eq!(note.len(), length, "{text}");
        assert!(text.repeat(2000).starts_with(&note));
    }
}
