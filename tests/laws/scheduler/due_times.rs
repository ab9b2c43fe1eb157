//! When an identity is due by time alone, also after the clock was set back.

use std::sync::Arc;

use mtls_operator::operator::index::policy::NamespaceEntry;

use super::{at, ready, secret, settled, take, turns};
use crate::fixture::{identity, terms};
use crate::requeue::{issued, issuer_entry};

#[test]
fn a_settled_identity_is_not_reconciled_however_often_it_is_seen() {
    let mut scheduler = settled();
    for _ in 0..3 {
        scheduler.apply_identity(&issued("web"), false, at(1));
        scheduler.apply_secret(&secret("web", "7"), false, at(1));
        scheduler.apply_namespace("orders", NamespaceEntry::default(), at(1));
        scheduler.apply_authority(&Arc::new(terms()), at(1));
        scheduler.apply_issuer("mesh", Some(issuer_entry()), at(1));
    }
    assert_eq!(turns(&mut scheduler, at(2)), [""; 0]);
    assert_eq!(scheduler.earliest(at(2)), Some(1_780_050_000_000), "its renewal");
}

#[test]
fn the_announced_renewal_comes_by_time_alone() {
    let mut scheduler = settled();
    assert_eq!(turns(&mut scheduler, 1_780_049_999_999), [""; 0]);
    assert_eq!(turns(&mut scheduler, 1_780_050_000_000), ["web"]);
}

#[test]
fn a_clock_that_is_set_back_delays_no_retry() {
    let mut scheduler = ready();
    scheduler.apply_identity(&identity("web"), false, at(480));
    let job = take(&mut scheduler, at(480));
    scheduler.done(job.id, true, at(480));
    assert_eq!(turns(&mut scheduler, at(480)), [""; 0]);
    assert_eq!(turns(&mut scheduler, at(0)), ["web"]);
}

#[test]
fn a_clock_that_is_set_back_shows_leaves_that_are_not_valid_yet() {
    let mut scheduler = settled();
    assert_eq!(turns(&mut scheduler, at(0)), [""; 0]);
    assert_eq!(turns(&mut scheduler, at(-4)), [""; 0], "less than it is dated back");
    assert_eq!(turns(&mut scheduler, at(-6)), ["web"]);
}
