//! A replica that stops: a leader releases the Lease, a standby leaves it alone, and neither waits for a silent API server.

use std::time::Duration;

use crate::replica::{Replica, time};
use http::Method;
use test_support::in_memory::leases::{FakeApi, FaultProfile};
use tokio::time::sleep;

use crate::{RENEW_DEADLINE, RETRY_PERIOD, lease_of};

#[tokio::test(start_paused = true)]
async fn a_replica_that_stops_releases_the_lease_and_the_other_leads_after_its_next_read() {
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
    api.set_faults("first", FaultProfile::Lost);
    sleep(RETRY_PERIOD).await;
    assert!(time(first.stop()).await < RENEW_DEADLINE);
}

#[tokio::test(start_paused = true)]
async fn a_claim_whose_answer_was_lost_is_released_at_the_end() {
    let api = FakeApi::default();
    api.set_faults("first", FaultProfile::AnswerLost);
    let first = Replica::start(&api, "first");
    sleep(Duration::from_secs(5)).await;
    assert!(!first.leads());
    api.put(lease_of("first", "2030-01-01T00:00:00.000000Z"));
    api.set_faults("first", FaultProfile::NoFault);
    first.stop().await;
    assert_eq!(api.holder(), None);
}
