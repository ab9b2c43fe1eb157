//! Claim: never do two replicas lead at once, and never is the Lease without a leader for longer than it must be.
//! Time is tokio's paused clock: hours pass in milliseconds, and the same way each time.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::unchecked_time_subtraction,
    reason = "a test fails by panicking, also in what its functions share"
)]

#[path = "leadership/outages.rs"]
mod outages;
#[path = "leadership/replica.rs"]
mod replica;

use std::time::Duration;

use http::Method;
use jiff::SignedDuration;
use mtls_operator::runtime::clock::Clock;
use mtls_operator::runtime::leader::Leadership;
use replica::{Replica, time};
use serde_json::{Value, json};
use test_support::in_memory::leases::{FakeApi, FaultProfile};
use tokio::time::sleep;

const LEASE_DURATION: Duration = Duration::from_secs(15);
const RENEW_DEADLINE: Duration = Duration::from_secs(10);
const RETRY_PERIOD: Duration = Duration::from_secs(2);

fn lease_of(holder: &str, renewed: &str) -> Value {
    json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": { "name": "mtls-operator", "namespace": "mtls-system" },
        "spec": { "holderIdentity": holder, "leaseDurationSeconds": 15, "leaseTransitions": 3, "renewTime": renewed },
    })
}

#[tokio::test(start_paused = true)]
async fn the_first_replica_leads_at_once_and_the_second_stands_by() {
    let api = FakeApi::default();
    let first = Replica::start(&api, "first");
    assert_eq!(time(first.until_leader()).await, Duration::ZERO);
    let second = Replica::start(&api, "second");
    sleep(Duration::from_hours(1)).await;
    assert!(first.leads() && !second.leads());
    let spec = &api.lease().unwrap()["spec"];
    assert_eq!((&spec["holderIdentity"], &spec["leaseTransitions"]), (&json!("first"), &json!(0)));
}

#[tokio::test(start_paused = true)]
async fn a_leader_renews_with_one_request_and_a_standby_only_reads() {
    let api = FakeApi::default();
    let first = Replica::start(&api, "first");
    first.until_leader().await;
    let _second = Replica::start(&api, "second");
    sleep(Duration::from_mins(1)).await;
    api.take_requests("");
    sleep(Duration::from_mins(1)).await;
    assert_eq!(api.take_requests("first"), vec![Method::PUT; 30]);
    sleep(Duration::from_mins(1)).await;
    assert_eq!(api.take_requests("second"), vec![Method::GET; 30]);
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_is_cut_off_stops_by_its_deadline_and_before_another_starts() {
    for weather in [FaultProfile::Lost, FaultProfile::Refused, FaultProfile::AnswerLost] {
        let api = FakeApi::default();
        let first = Replica::start(&api, "first");
        first.until_leader().await;
        let second = Replica::start(&api, "second");
        sleep(Duration::from_secs(1)).await;
        api.set_weather("first", weather);
        sleep(RENEW_DEADLINE - Duration::from_secs(1) - Duration::from_millis(1)).await;
        assert!(first.leads(), "{weather:?}: it may lead until its deadline");
        sleep(Duration::from_millis(1)).await;
        assert!(!first.leads(), "{weather:?}: it may not lead after its deadline");
        if !matches!(weather, FaultProfile::AnswerLost) {
            assert!(time(second.until_leader()).await <= LEASE_DURATION - RENEW_DEADLINE + RETRY_PERIOD);
        }
        assert!(!first.leads());
    }
}

#[tokio::test(start_paused = true)]
async fn one_lost_request_costs_no_leadership() {
    let api = FakeApi::default();
    let first = Replica::start(&api, "first");
    first.until_leader().await;
    sleep(Duration::from_secs(1)).await;
    api.set_weather("first", FaultProfile::Lost);
    sleep(RETRY_PERIOD).await;
    api.set_weather("first", FaultProfile::Fair);
    for _ in 0..600 {
        sleep(Duration::from_millis(100)).await;
        assert!(first.leads());
    }
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_stops_releases_the_lease_and_the_other_leads_at_its_next_look() {
    let api = FakeApi::default();
    let first = Replica::start(&api, "first");
    first.until_leader().await;
    let second = Replica::start(&api, "second");
    sleep(Duration::from_mins(1)).await;
    assert_eq!(time(first.stop()).await, Duration::ZERO);
    assert_eq!(api.holder(), None);
    assert!(time(second.until_leader()).await <= RETRY_PERIOD);
    assert_eq!(api.lease().unwrap()["spec"]["leaseTransitions"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_standby_that_stops_leaves_the_lease_alone() {
    let api = FakeApi::default();
    let first = Replica::start(&api, "first");
    first.until_leader().await;
    let second = Replica::start(&api, "second");
    sleep(Duration::from_mins(1)).await;
    api.take_requests("");
    second.stop().await;
    assert!(!api.take_requests("second").contains(&Method::PUT));
    assert!(first.leads() && api.holder().as_deref() == Some("first"));
}

#[tokio::test(start_paused = true)]
async fn a_replica_stops_in_time_though_the_api_server_is_silent() {
    let api = FakeApi::default();
    let first = Replica::start(&api, "first");
    first.until_leader().await;
    api.set_weather("first", FaultProfile::Lost);
    sleep(RETRY_PERIOD).await;
    assert!(time(first.stop()).await < RENEW_DEADLINE);
}

#[tokio::test(start_paused = true)]
async fn a_conflict_never_steals() {
    let api = FakeApi::default();
    api.put(lease_of("gone", "2030-01-01T00:00:00.000000Z"));
    api.set_conflicts(true);
    let before = api.lease();
    let replica = Replica::start(&api, "first");
    for _ in 0..600 {
        sleep(Duration::from_millis(100)).await;
        assert!(!replica.leads());
    }
    assert_eq!(api.lease(), before);
}

#[tokio::test(start_paused = true)]
async fn a_conflict_says_nothing_about_who_leads() {
    let api = FakeApi::default();
    let first = Replica::start(&api, "first");
    first.until_leader().await;
    api.set_conflicts(true);
    for _ in 0..50 {
        sleep(Duration::from_millis(100)).await;
        assert!(first.leads());
    }
}

/// The API server may have written at once, and only its answer may have been late.
#[tokio::test(start_paused = true)]
async fn a_tenure_counts_from_before_the_call() {
    let api = FakeApi::default();
    let late = Duration::from_secs(1);
    api.set_weather("first", FaultProfile::Slow(Duration::ZERO, late));
    let first = Replica::start(&api, "first");
    let started = Clock::system();
    first.until_leader().await;
    api.set_weather("first", FaultProfile::Lost);
    sleep(RENEW_DEADLINE - started.monotonic() - Duration::from_millis(1)).await;
    assert!(first.leads());
    sleep(Duration::from_millis(1)).await;
    assert!(!first.leads());
}

#[tokio::test(start_paused = true)]
async fn a_person_who_labels_the_lease_does_not_end_a_tenure() {
    let api = FakeApi::default();
    let first = Replica::start(&api, "first");
    first.until_leader().await;
    for _ in 0..60 {
        let mut lease = api.lease().unwrap();
        lease["metadata"]["labels"] = json!({ "team": "platform" });
        api.put(lease);
        sleep(Duration::from_secs(1)).await;
        assert!(first.leads());
    }
    assert_eq!(api.lease().unwrap()["metadata"]["labels"]["team"], "platform");
}

/// The dead holder's clock may have shown anything.
#[tokio::test(start_paused = true)]
async fn the_lease_of_a_dead_holder_is_taken_once_it_stood_still_for_its_duration() {
    for renewed in
        ["1970-01-01T00:00:00.000000Z", "2030-01-01T00:00:00.000000Z", "2200-01-01T00:00:00.000000Z"]
    {
        let api = FakeApi::default();
        api.put(lease_of("gone", renewed));
        let first = Replica::start(&api, "first");
        let waited = time(first.until_leader()).await;
        assert!(waited >= LEASE_DURATION, "{renewed}: taken after {waited:?}");
        assert!(waited <= LEASE_DURATION + RETRY_PERIOD, "{renewed}: taken after {waited:?}");
        assert_eq!(api.lease().unwrap()["spec"]["leaseTransitions"], 4);
    }
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_renews_is_never_taken_for_dead_whatever_the_clocks_show() {
    for hours in [-1000, 0, 1000] {
        let api = FakeApi::default();
        let first = Replica::start(&api, "first");
        first.until_leader().await;
        let wall = "2030-01-01T00:00:00Z".parse::<jiff::Timestamp>().unwrap();
        let second = Replica::start_at(&api, "second", wall + SignedDuration::from_hours(hours));
        sleep(Duration::from_mins(10)).await;
        assert!(first.leads() && !second.leads(), "{hours} h");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_deleted_is_not_taken_while_its_holder_may_still_write() {
    let api = FakeApi::default();
    let first = Replica::start(&api, "first");
    first.until_leader().await;
    let second = Replica::start(&api, "second");
    sleep(Duration::from_secs(7)).await;
    api.set_weather("first", FaultProfile::Lost);
    api.delete();
    for _ in 0..300 {
        sleep(Duration::from_millis(100)).await;
        assert!(!(first.leads() && second.leads()));
    }
    assert!(second.leads());
}

#[tokio::test(start_paused = true)]
async fn a_leader_whose_lease_is_deleted_makes_it_again_and_leads_on() {
    let api = FakeApi::default();
    let first = Replica::start(&api, "first");
    first.until_leader().await;
    api.delete();
    for _ in 0..300 {
        sleep(Duration::from_millis(100)).await;
        assert!(first.leads());
    }
    assert_eq!(api.holder().as_deref(), Some("first"));
}

#[tokio::test(start_paused = true)]
async fn a_claim_whose_answer_was_lost_is_released_at_the_end() {
    let api = FakeApi::default();
    api.set_weather("first", FaultProfile::AnswerLost);
    let first = Replica::start(&api, "first");
    sleep(Duration::from_secs(5)).await;
    assert!(!first.leads());
    api.put(lease_of("first", "2030-01-01T00:00:00.000000Z"));
    api.set_weather("first", FaultProfile::Fair);
    first.stop().await;
    assert_eq!(api.holder(), None);
}

/// Counted from before a slow read, the record would seem older than it is, and would be taken while its holder writes.
#[tokio::test(start_paused = true)]
async fn a_record_is_timed_from_after_the_read_that_showed_it() {
    let api = FakeApi::default();
    let first = Replica::start(&api, "first");
    first.until_leader().await;
    let there = Duration::from_millis(3200);
    api.set_weather("second", FaultProfile::Slow(there, Duration::ZERO));
    let second = Replica::start(&api, "second");
    // The read shows the renewal after 2 s, with a tenure that ends 12 s after the start of both.
    sleep(there + Duration::from_millis(1)).await;
    api.set_weather("first", FaultProfile::Lost);
    api.set_weather("second", FaultProfile::Fair);
    let waited = time(second.until_leader()).await;
    assert!(waited >= LEASE_DURATION - Duration::from_millis(1), "taken after {waited:?}");
}

#[tokio::test(start_paused = true)]
async fn without_election_a_replica_always_leads() {
    let mut leadership = Leadership::always(Clock::system());
    leadership.until_leader().await;
    sleep(Duration::from_secs(1_000_000)).await;
    assert!(leadership.is_leader());
}
