//! Laws of what waits: time goes on for it, and what held it up holds up no other.

use mtls_operator::operator::index::time::Millis;
use mtls_operator::operator::scheduler::Scheduler;
use mtls_operator::operator::scheduler::requeue::Priority;

use super::fixture::identity;
use super::requeue::{END, RENEWAL, issued};
use super::scheduler::{at, ready, secret, settled, turns, version};

const DUE: Millis = RENEWAL * 1000;
const EXPIRED: Millis = (END + 1) * 1000;

/// A scheduler in which `web` is due and waits.
fn waiting() -> Scheduler {
    let mut scheduler = settled();
    scheduler.sweep(DUE);
    assert_eq!(scheduler.queue().depth(Priority::Due), 1);
    scheduler
}

#[test]
fn a_renewal_that_waits_until_its_leaf_has_ended_becomes_one_of_the_new_ones() {
    let mut scheduler = waiting();
    assert_eq!(scheduler.earliest(DUE), Some(DUE), "its turn");
    scheduler.sweep(EXPIRED - 1);
    assert_eq!(scheduler.queue().depth(Priority::New), 0);
    scheduler.sweep(EXPIRED);
    let request = scheduler.next(EXPIRED).unwrap();
    assert_eq!((request.name.as_str(), request.priority), ("web", Priority::New));
}

#[test]
fn what_can_wait_is_due_when_its_renewal_is() {
    let mut scheduler = ready();
    scheduler.apply_secret(&secret("web", "7"), true, at(0));
    let mut lagging = issued("web");
    lagging.status.as_mut().unwrap().authority_key_id = Some("unknown".into());
    scheduler.apply_identity(&lagging, true, at(0));
    assert_eq!(scheduler.queue().depth(Priority::Background), 1);
    assert_eq!(scheduler.deadlines().get(scheduler.index().find("orders", "web").unwrap()), Some(DUE));
}

#[test]
fn a_renewal_that_failed_is_tried_again_when_its_leaf_ends() {
    let mut scheduler = waiting();
    let mut now = DUE;
    // It fails until the pauses are as long as they get.
    while now < EXPIRED - 60_000 {
        scheduler.sweep(now);
        if let Some(request) = scheduler.next(now) {
            scheduler.done(request.id, true, now);
        }
        now += 1000;
    }
    let id = scheduler.index().find("orders", "web").unwrap();
    let next = scheduler.deadlines().get(id).unwrap();
    assert!(next <= EXPIRED, "status would call it ready until {next}");
}

#[test]
fn a_failed_identity_waits_behind_those_that_did_not_fail() {
    let mut scheduler = ready();
    scheduler.apply_identity(&identity("bad"), false, at(0));
    let request = scheduler.next(at(0)).unwrap();
    scheduler.done(request.id, true, at(0));
    for name in ["b", "a"] {
        scheduler.apply_identity(&identity(name), false, at(0));
    }
    assert_eq!(turns(&mut scheduler, at(1)), ["b", "a", "bad"]);
}

#[test]
fn an_expired_leaf_comes_before_identities_that_are_new() {
    let mut scheduler = waiting();
    scheduler.apply_identity(&identity("late"), false, EXPIRED + 1000);
    assert_eq!(turns(&mut scheduler, EXPIRED + 1000), ["web", "late"]);
}

#[test]
fn an_identity_that_waits_for_its_key_says_by_time_alone_that_its_leaf_has_ended() {
    let mut scheduler = waiting();
    let request = scheduler.next(DUE).unwrap();
    scheduler.suspend(request.id);
    scheduler.done(request.id, false, DUE);
    assert_eq!(turns(&mut scheduler, EXPIRED - 1), [""; 0]);
    assert_eq!(turns(&mut scheduler, EXPIRED), ["web"]);
    scheduler.done(request.id, false, EXPIRED);
    let mut told = version(issued("web"), "9");
    let status = told.status.as_mut().unwrap();
    (status.conditions[0].status, status.conditions[0].reason) = ("False".into(), "Expired".into());
    scheduler.apply_identity(&told, false, EXPIRED);
    assert!(scheduler.is_suspended(request.id));
    assert_eq!(turns(&mut scheduler, EXPIRED + 3_600_000), [""; 0], "it has said so");
}

#[test]
fn an_identity_that_waits_for_its_key_and_changes_has_a_turn_at_once() {
    let suspended = || {
        let mut scheduler = ready();
        scheduler.apply_identity(&identity("web"), false, at(0));
        let id = scheduler.next(at(0)).unwrap().id;
        scheduler.suspend(id);
        scheduler.done(id, false, at(0));
        assert_eq!(turns(&mut scheduler, at(0)), [""; 0]);
        (scheduler, id)
    };
    let (mut scheduler, id) = suspended();
    scheduler.apply_identity(&version(identity("web"), "2"), false, at(0));
    assert_eq!(turns(&mut scheduler, at(0)), [""; 0], "a label changed");
    let mut edited = version(identity("web"), "3");
    edited.metadata.generation = Some(2);
    scheduler.apply_identity(&edited, false, at(0));
    assert!(!scheduler.is_suspended(id), "its key is generated although it may be another");
    assert_eq!(turns(&mut scheduler, at(0)), ["web"]);
    let (mut scheduler, id) = suspended();
    let mut again = version(identity("web"), "3");
    again.metadata.uid = Some("another".into());
    scheduler.apply_identity(&again, false, at(0));
    assert!(!scheduler.is_suspended(id));
    let (mut scheduler, id) = suspended();
    scheduler.remove_authority("mesh", at(0));
    assert!(!scheduler.is_suspended(id), "it may not be permitted any more");
}
