//! Identities that wait for a change of another object: no reconcile until it comes.

use mtls_operator::operator::index::digest::digest;
use mtls_operator::operator::scheduler::requeue::Requeue;
use mtls_operator::plan::identity::policy::Permission;
use mtls_operator::plan::identity::ready::ReadyReason;

use super::{END, Indexed, LATER, NEW, RENEWAL};

#[test]
fn a_renewal_request_that_was_answered_or_is_paused_needs_no_reconcile() {
    let mut indexed = Indexed::changed(|indexed| indexed.entry.renew_request = Some(digest("now")));
    indexed.entry.is_paused = true;
    assert_eq!(indexed.next_reconcile(), Requeue::At(END + 1));
    indexed.entry.is_paused = false;
    indexed.entry.recorded.renew_request = Some(digest("now"));
    assert_eq!(indexed.next_reconcile(), Requeue::At(RENEWAL));
}

#[test]
fn an_identity_that_waits_for_an_authority_is_reconciled_when_it_signs() {
    let mut indexed = Indexed::changed(|indexed| indexed.secret = None);
    indexed.stands(ReadyReason::AuthorityNotReady);
    assert_eq!(indexed.next_reconcile(), NEW);
    indexed.authority.as_mut().unwrap().signer = None;
    assert_eq!(indexed.next_reconcile(), LATER, "status still names a Secret that is gone");
    indexed.entry.recorded.secret_version = None;
    assert_eq!(indexed.next_reconcile(), Requeue::OnChange);
    indexed.authority = None;
    assert_eq!(indexed.next_reconcile(), Requeue::OnChange);
}

#[test]
fn a_refused_identity_is_reconciled_when_the_verdict_changes() {
    for reason in [ReadyReason::NotPermitted, ReadyReason::Invalid] {
        let mut indexed = Indexed::settled();
        indexed.stands(reason);
        assert_eq!(indexed.next_reconcile(), LATER, "it is permitted now");
        indexed.permission = Some(Permission::Refused);
        indexed.stalls_at = indexed.now + 1;
        assert_eq!(
            indexed.next_reconcile(),
            Requeue::At(indexed.stalls_at),
            "a person is told a minute later"
        );
        indexed.stalls_at = indexed.now;
        assert_eq!(indexed.next_reconcile(), LATER);
        indexed.entry.recorded.is_stalled = true;
        assert_eq!(indexed.next_reconcile(), Requeue::OnChange);
        indexed.secret().trust = Some(digest("t0"));
        assert_eq!(indexed.next_reconcile(), LATER, "trust reaches a refused identity, too");
        indexed.secret().identity_uid = Some(digest("other"));
        assert_eq!(indexed.next_reconcile(), Requeue::OnChange, "a Secret of another identity is left alone");
        indexed.secret = None;
        assert_eq!(
            indexed.next_reconcile(),
            LATER,
            "status still names a Secret, and rotations wait for that"
        );
        indexed.entry.recorded.secret_version = None;
        assert_eq!(indexed.next_reconcile(), Requeue::OnChange);
    }
}

#[test]
fn a_paused_identity_without_its_secret_is_reconciled_until_status_says_so() {
    let mut indexed = Indexed::changed(|indexed| (indexed.secret, indexed.entry.is_paused) = (None, true));
    indexed.entry.recorded.reason = Some(ReadyReason::Paused);
    assert_eq!(indexed.next_reconcile(), LATER);
    indexed.entry.recorded.is_ready = false;
    assert_eq!(indexed.next_reconcile(), LATER, "status still names a Secret, and rotations wait for that");
    indexed.entry.recorded.secret_version = None;
    assert_eq!(indexed.next_reconcile(), Requeue::OnChange);
}
