//! A standby takes the Lease only after it stood still for its whole duration, whatever the clocks show.

use std::time::Duration;

use crate::replica::{Replica, time};
use jiff::SignedDuration;
use test_support::in_memory::leases::{FakeApi, FaultProfile};
use tokio::time::sleep;

use crate::{LEASE_DURATION, RETRY_PERIOD, lease_of};

#[tokio::test(start_paused = true)]
async fn after_a_conflict_the_lease_is_not_taken() {
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
    api.set_faults("first", FaultProfile::Lost);
    api.delete();
    for _ in 0..300 {
        sleep(Duration::from_millis(100)).await;
        assert!(!(first.leads() && second.leads()));
    }
    assert!(second.leads());
}

/// Counted from before a slow read, the record would seem older than it is, and would be taken while its holder writes.
#[tokio::test(start_paused = true)]
async fn a_record_is_timed_from_after_the_read_that_showed_it() {
    let api = FakeApi::default();
    let first = Replica::start(&api, "first");
    first.until_leader().await;
    let there = Duration::from_millis(3200);
    api.set_faults("second", FaultProfile::Slow(there, Duration::ZERO));
    let second = Replica::start(&api, "second");
    // The read shows the renewal after 2 s, with a tenure that ends 12 s after the start of both.
    sleep(there + Duration::from_millis(1)).await;
    api.set_faults("first", FaultProfile::Lost);
    api.set_faults("second", FaultProfile::NoFault);
    let waited = time(second.until_leader()).await;
    assert!(waited >= LEASE_DURATION - Duration::from_millis(1), "taken after {waited:?}");
}
