//! When an identity is due by time alone, also after the clock was set back.

use std::sync::Arc;

use mtls_operator::operator::index::policy::NamespaceEntry;

use super::{at, ready, secret, settled, take, turns};
use crate::fixture::{identity, terms};
use crate::requeue::{issued, issuer_entry};

#[test]
fn a_settled_identity_has_no_turn_however_often_it_is_seen() {
    let mut board = settled();
    for _ in 0..3 {
        board.apply_identity(&issued("web"), false, at(1));
        board.apply_secret(&secret("web", "7"), false, at(1));
        board.apply_namespace("orders", NamespaceEntry::default(), at(1));
        board.apply_authority(&Arc::new(terms()), at(1));
        board.apply_issuer("mesh", Some(issuer_entry()), at(1));
    }
    assert_eq!(turns(&mut board, at(2)), [""; 0]);
    assert_eq!(board.earliest(at(2)), Some(1_780_050_000_000), "its renewal");
}

#[test]
fn the_announced_renewal_comes_by_time_alone() {
    let mut board = settled();
    assert_eq!(turns(&mut board, 1_780_049_999_999), [""; 0]);
    assert_eq!(turns(&mut board, 1_780_050_000_000), ["web"]);
}

#[test]
fn a_clock_that_is_set_back_holds_nobody_back() {
    let mut board = ready();
    board.apply_identity(&identity("web"), false, at(480));
    let job = take(&mut board, at(480));
    board.done(job.id, true, at(480));
    assert_eq!(turns(&mut board, at(480)), [""; 0]);
    assert_eq!(turns(&mut board, at(0)), ["web"]);
}

#[test]
fn a_clock_that_is_set_back_shows_whose_leaf_is_not_valid_yet() {
    let mut board = settled();
    assert_eq!(turns(&mut board, at(0)), [""; 0]);
    assert_eq!(turns(&mut board, at(-4)), [""; 0], "less than it is dated back");
    assert_eq!(turns(&mut board, at(-6)), ["web"]);
}
