//! A replica that leads: it renews, goes on through a lost request or a conflict, and stops at its deadline.

use std::time::Duration;

use crate::replica::{Replica, time};
use http::Method;
use mtls_operator::runtime::clock::Clock;
use mtls_operator::runtime::leader::Leadership;
use serde_json::json;
use test_support::in_memory::leases::{FakeApi, FaultProfile};
use tokio::time::sleep;

use crate::{LEASE_DURATION, RENEW_DEADLINE, RETRY_PERIOD};

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
    for fault in [FaultProfile::Lost, FaultProfile::Refused, FaultProfile::AnswerLost] {
        let api = FakeApi::default();
        let first = Replica::start(&api, "first");
        first.until_leader().await;
        let second = Replica::start(&api, "second");
        sleep(Duration::from_secs(1)).await;
        api.set_faults("first", fault);
        sleep(RENEW_DEADLINE - Duration::from_secs(1) - Duration::from_millis(1)).await;
        assert!(first.leads(), "{fault:?}: it may lead until its deadline");
        sleep(Duration::from_millis(1)).await;
        assert!(!first.leads(), "{fault:?}: it may not lead after its deadline");
        if !matches!(fault, FaultProfile::AnswerLost) {
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
    api.set_faults("first", FaultProfile::Lost);
    sleep(RETRY_PERIOD).await;
    api.set_faults("first", FaultProfile::NoFault);
    for _ in 0..600 {
        sleep(Duration::from_millis(100)).await;
        assert!(first.leads());
    }
}

#[tokio::test(start_paused = true)]
async fn a_conflict_does_not_end_a_tenure() {
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
    api.set_faults("first", FaultProfile::Slow(Duration::ZERO, late));
    let first = Replica::start(&api, "first");
    let started = Clock::system();
    first.until_leader().await;
    api.set_faults("first", FaultProfile::Lost);
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
async fn without_election_a_replica_always_leads() {
    let mut leadership = Leadership::always(Clock::system());
    leadership.until_leader().await;
    sleep(Duration::from_secs(1_000_000)).await;
    assert!(leadership.is_leader());
}
