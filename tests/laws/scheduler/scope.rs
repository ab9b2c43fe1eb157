//! Namespaces and authorities that an identity needs: known, not terminating, selected, and served by this operator.

use std::sync::Arc;

use mtls_operator::operator::index::policy::NamespaceEntry;
use mtls_operator::operator::scheduler::Scheduler;
use mtls_operator::plan::selector::Selection;
use serde_json::json;

use super::{at, ready, settled, turns};
use crate::fixture::{identity, pairs, terms};

#[test]
fn an_identity_waits_until_its_namespace_is_known() {
    let mut scheduler = Scheduler::default();
    scheduler.apply_authority(&Arc::new(terms()), at(0));
    scheduler.apply_identity(&identity("web"), false, at(0));
    assert_eq!(turns(&mut scheduler, at(0)), [""; 0]);
    scheduler.apply_namespace("orders", NamespaceEntry::default(), at(0));
    assert_eq!(turns(&mut scheduler, at(0)), ["web"]);
}

#[test]
fn nothing_is_made_in_a_namespace_that_is_going_away() {
    let mut scheduler = ready();
    scheduler.apply_namespace(
        "orders",
        NamespaceEntry { is_terminating: true, ..NamespaceEntry::default() },
        at(0),
    );
    scheduler.apply_identity(&identity("web"), false, at(0));
    assert_eq!(turns(&mut scheduler, at(0)), [""; 0]);
    scheduler.apply_namespace("orders", NamespaceEntry::default(), at(0));
    assert_eq!(turns(&mut scheduler, at(0)), ["web"], "deleted and created again under the same name");
}

#[test]
fn labels_of_a_namespace_that_change_a_verdict_reconcile_its_identities() {
    let mut serving = terms();
    let selector = serde_json::from_value(json!({"matchLabels": {"team": "red"}})).unwrap();
    serving.namespaces = Selection::parse(&selector, "spec.namespaces", &mut serving.unread);
    let mut scheduler = settled();
    scheduler.apply_authority(&Arc::new(serving), at(1));
    assert_eq!(turns(&mut scheduler, at(1)), ["web"], "it is not permitted any more");
    let mut scheduler = settled();
    scheduler.apply_namespace("orders", NamespaceEntry::new(pairs(&[("team", "red")])), at(1));
    assert_eq!(turns(&mut scheduler, at(1)), [""; 0], "nothing that concerns it has changed");
}

#[test]
fn what_another_operator_serves_is_left_alone() {
    let mut scheduler = settled();
    scheduler.yield_authority("mesh", at(1));
    scheduler.remove_secret("orders", "web-mtls", at(1));
    assert_eq!(turns(&mut scheduler, at(1000)), [""; 0]);
    scheduler.apply_authority(&Arc::new(terms()), at(1001));
    assert_eq!(turns(&mut scheduler, at(1001)), ["web"]);
}
