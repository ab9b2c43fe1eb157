//! The queue: one reconcile of an identity at a time, none while its key is being made, none for a former identity.

use super::{at, ready, take, turns, version};
use crate::fixture::identity;

#[test]
fn an_identity_is_not_reconciled_twice_at_once() {
    let mut scheduler = ready();
    scheduler.apply_identity(&identity("web"), false, at(0));
    let job = take(&mut scheduler, at(0));
    scheduler.apply_identity(&version(identity("web"), "2"), false, at(0));
    assert_eq!(turns(&mut scheduler, at(0)), [""; 0]);
    scheduler.done(job.id, false, at(0));
    assert_eq!(turns(&mut scheduler, at(0)), ["web"], "it changed during the reconcile");
}

#[test]
fn an_identity_that_waits_for_a_key_is_not_reconciled_until_it_is_there() {
    let mut scheduler = ready();
    scheduler.apply_identity(&identity("web"), false, at(0));
    let job = take(&mut scheduler, at(0));
    scheduler.suspend(job.id);
    scheduler.done(job.id, false, at(0));
    assert_eq!(turns(&mut scheduler, at(60)), [""; 0]);
    assert!(scheduler.resume(job.id, at(60)));
    assert_eq!(turns(&mut scheduler, at(60)), ["web"]);
    assert!(!scheduler.resume(job.id, at(60)), "resumed twice");
}

#[test]
fn a_key_that_comes_during_the_reconcile_that_ordered_it_is_not_missed() {
    let mut scheduler = ready();
    scheduler.apply_identity(&identity("web"), false, at(0));
    let job = take(&mut scheduler, at(0));
    scheduler.suspend(job.id);
    assert!(scheduler.resume(job.id, at(0)));
    scheduler.done(job.id, false, at(0));
    assert_eq!(turns(&mut scheduler, at(0)), ["web"]);
}

#[test]
fn the_key_of_a_deleted_identity_resumes_nothing() {
    let mut scheduler = ready();
    scheduler.apply_identity(&identity("web"), false, at(0));
    let job = take(&mut scheduler, at(0));
    scheduler.suspend(job.id);
    scheduler.remove_identity("orders", "web", at(0));
    scheduler.done(job.id, false, at(0));
    assert!(!scheduler.resume(job.id, at(0)));
}

#[test]
fn an_index_slot_that_is_used_again_inherits_no_backoff() {
    let mut scheduler = ready();
    scheduler.apply_identity(&identity("old"), false, at(0));
    let job = take(&mut scheduler, at(0));
    scheduler.remove_identity("orders", "old", at(0));
    scheduler.apply_identity(&identity("new"), false, at(0));
    scheduler.done(job.id, true, at(0));
    assert_eq!(turns(&mut scheduler, at(1)), ["new"]);
}
