//! A refusal is said to need a person only after a minute in which nothing that could cure it has changed.

use jiff::SignedDuration;
use serde_json::json;
use test_support::in_memory::api_server::Fault;
use test_support::in_memory::harness::{A_WHILE, Harness, issued};

use super::{assert_stalls_after_a_minute, foreign, grant_example_com, is_stalled};

/// The attempts grow ever more seldom, and the next one may be minutes away when the minute is over.
#[tokio::test(start_paused = true)]
async fn a_conflict_is_said_to_need_a_person_in_time_however_often_it_was_tried() {
    let mut harness = Harness::set().await;
    harness.server.put("secrets", &foreign());
    harness.apply("web", &json!({}));
    for _ in 0..59 {
        harness.settle().await;
        harness.advance(SignedDuration::from_secs(1));
    }
    assert!(!is_stalled(&harness));
    for _ in 0..2 {
        harness.advance(SignedDuration::from_secs(1));
        harness.settle().await;
    }
    assert!(is_stalled(&harness));
}

/// A refusal depends on three objects: each change of one of them starts the minute again.
#[tokio::test(start_paused = true)]
async fn a_change_of_what_a_refusal_depends_on_begins_the_minute_again() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({"dnsNames": ["example.com"]}));
    harness.settle().await;
    let minute = SignedDuration::from_secs(59);
    harness.advance(minute);
    harness.server.edit("mtlsauthorities", "", "mesh", |authority| {
        authority["spec"]["leaf"]["maxTTL"] = json!("100h");
    });
    harness.reconcile_authority().await.unwrap();
    harness.settle().await;
    harness.advance(minute);
    harness.settle().await;
    assert!(!is_stalled(&harness), "the terms have changed");
    harness.apply("web", &json!({"dnsNames": ["example.org"]}));
    harness.settle().await;
    harness.advance(minute);
    harness.settle().await;
    assert!(!is_stalled(&harness), "the spec has changed");
    harness.advance(minute);
    harness.settle().await;
    assert!(is_stalled(&harness));
    harness.apply("web", &json!({"dnsNames": ["example.net"]}));
    harness.settle().await;
    assert!(!is_stalled(&harness), "the status of a new generation takes it away");
}

#[tokio::test(start_paused = true)]
async fn a_grant_that_comes_a_second_later_leaves_no_trace() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({"dnsNames": ["example.com"]}));
    harness.settle().await;
    harness.advance(SignedDuration::from_secs(1));
    grant_example_com(&mut harness).await;
    assert_eq!(harness.ready("web"), issued());
    assert!(harness.message("web").ends_with("; allowed by grant edge"), "{}", harness.message("web"));
    harness.advance(A_WHILE);
    assert!(!is_stalled(&harness));
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_lost_is_not_sent_again() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({"ttl": "1000h"}));
    harness.watch();
    harness.settle().await;
    harness.server.next("POST events", Fault::Broken);
    assert_stalls_after_a_minute(&mut harness).await;
    assert_eq!(harness.settle().await, [""; 0]);
}
