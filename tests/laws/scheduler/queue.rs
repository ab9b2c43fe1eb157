//! The queue: one reconcile of an identity at a time, none while its key is being made, none for a former identity.

use super::{at, ready, take, turns, version};
use crate::fixture::identity;

#[test]
fn nobody_is_looked_at_twice_at_once() {
    let mut board = ready();
    board.apply_identity(&identity("web"), false, at(0));
    let job = take(&mut board, at(0));
    board.apply_identity(&version(identity("web"), "2"), false, at(0));
    assert_eq!(turns(&mut board, at(0)), [""; 0]);
    board.done(job.id, false, at(0));
    assert_eq!(turns(&mut board, at(0)), ["web"], "it changed during the look");
}

#[test]
fn whoever_waits_for_a_key_has_no_turn_until_it_is_there() {
    let mut board = ready();
    board.apply_identity(&identity("web"), false, at(0));
    let job = take(&mut board, at(0));
    board.suspend(job.id);
    board.done(job.id, false, at(0));
    assert_eq!(turns(&mut board, at(60)), [""; 0]);
    assert!(board.resume(job.id, at(60)));
    assert_eq!(turns(&mut board, at(60)), ["web"]);
    assert!(!board.resume(job.id, at(60)), "called twice");
}

#[test]
fn a_key_that_comes_during_the_look_that_ordered_it_is_not_missed() {
    let mut board = ready();
    board.apply_identity(&identity("web"), false, at(0));
    let job = take(&mut board, at(0));
    board.suspend(job.id);
    assert!(board.resume(job.id, at(0)));
    board.done(job.id, false, at(0));
    assert_eq!(turns(&mut board, at(0)), ["web"]);
}

#[test]
fn nobody_waits_for_the_key_of_an_identity_that_is_gone() {
    let mut board = ready();
    board.apply_identity(&identity("web"), false, at(0));
    let job = take(&mut board, at(0));
    board.suspend(job.id);
    board.remove_identity("orders", "web", at(0));
    board.done(job.id, false, at(0));
    assert!(!board.resume(job.id, at(0)));
}

#[test]
fn a_forgotten_place_that_is_used_again_owes_nothing_to_its_former_tenant() {
    let mut board = ready();
    board.apply_identity(&identity("old"), false, at(0));
    let job = take(&mut board, at(0));
    board.remove_identity("orders", "old", at(0));
    board.apply_identity(&identity("new"), false, at(0));
    board.done(job.id, true, at(0));
    assert_eq!(turns(&mut board, at(1)), ["new"]);
}
