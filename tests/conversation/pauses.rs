//! An API server that has too many requests: one pause for all, as it asks, and no storm before, in or after it.

use std::time::Duration;

use serde_json::json;
use test_support::in_memory::harness::Harness;
use tokio::time::sleep;

use super::workers::{Workers, until};

const WORKERS: usize = 32;
const IDENTITIES: usize = 60;

fn all_issued(harness: &Harness) -> bool {
    (0..IDENTITIES).all(|n| harness.secret(&format!("web-{n}-mtls")).is_some())
}

/// Many identities, and workers that find an API server which asks for such pauses.
async fn throttled(seconds: u32) -> (Harness, Workers) {
    let harness = Harness::set().await;
    for n in 0..IDENTITIES {
        harness.apply(&format!("web-{n}"), &json!({}));
    }
    harness.watch();
    harness.server.throttle(Some(seconds));
    let workers = Workers::begin(&harness, WORKERS);
    (harness, workers)
}

#[tokio::test(start_paused = true)]
async fn each_pause_is_as_long_as_it_is_asked_for_and_few_try_after_it() {
    let (harness, workers) = throttled(3).await;
    sleep(Duration::from_millis(2900)).await;
    let burst = harness.server.calls().len();
    assert!((1..=WORKERS).contains(&burst), "{burst} requests before the pause");
    for _ in 0..10 {
        sleep(Duration::from_secs(3)).await;
        let tries = harness.server.calls().len();
        assert!((1..=WORKERS / 8).contains(&tries), "{tries} requests after a pause");
    }
    workers.stop().await;
}

#[tokio::test(start_paused = true)]
async fn after_the_last_pause_all_are_issued_at_once_and_none_counts_as_failed() {
    let (harness, workers) = throttled(2).await;
    // Long enough for a backoff of minutes, if this were one.
    sleep(Duration::from_mins(10)).await;
    assert_eq!(harness.context.scheduler.lock().backoff().len(), 0);
    harness.server.throttle(None);
    sleep(Duration::from_millis(2100)).await;
    until("all to be issued", || all_issued(&harness)).await;
    workers.stop().await;
    assert_eq!(harness.context.scheduler.lock().backoff().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_pause_of_an_hour_is_cut_short() {
    let (harness, workers) = throttled(3600).await;
    sleep(Duration::from_secs(1)).await;
    harness.server.throttle(None);
    sleep(Duration::from_millis(4100)).await;
    until("all to be issued", || all_issued(&harness)).await;
    workers.stop().await;
}
