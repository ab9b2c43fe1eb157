//! Identities that wait for a change of another object: no reconcile until it comes.

use mtls_operator::operator::index::digest::digest;
use mtls_operator::operator::scheduler::requeue::Requeue;
use mtls_operator::plan::identity::policy::Permission;
use mtls_operator::plan::identity::ready::ReadyReason;

use super::{END, LATER, Memory, NEW, RENEWAL};

#[test]
fn a_renewal_request_that_was_answered_or_that_is_paused_asks_for_nothing() {
    let mut memory = Memory::changed(|memory| memory.entry.renew_request = Some(digest("now")));
    memory.entry.is_paused = true;
    assert_eq!(memory.next_reconcile(), Requeue::At(END + 1));
    memory.entry.is_paused = false;
    memory.entry.recorded.renew_request = Some(digest("now"));
    assert_eq!(memory.next_reconcile(), Requeue::At(RENEWAL));
}

#[test]
fn whoever_waits_for_an_authority_is_called_when_it_signs() {
    let mut memory = Memory::changed(|memory| memory.secret = None);
    memory.stands(ReadyReason::AuthorityNotReady);
    assert_eq!(memory.next_reconcile(), NEW);
    memory.authority.as_mut().unwrap().signer = None;
    assert_eq!(memory.next_reconcile(), LATER, "status still names a Secret that is gone");
    memory.entry.recorded.secret_version = None;
    assert_eq!(memory.next_reconcile(), Requeue::OnChange);
    memory.authority = None;
    assert_eq!(memory.next_reconcile(), Requeue::OnChange);
}

#[test]
fn whoever_is_refused_is_called_when_the_verdict_changes() {
    for reason in [ReadyReason::NotPermitted, ReadyReason::Invalid] {
        let mut memory = Memory::settled();
        memory.stands(reason);
        assert_eq!(memory.next_reconcile(), LATER, "it is permitted now");
        memory.permission = Some(Permission::Refused);
        memory.stalls_at = memory.now + 1;
        assert_eq!(memory.next_reconcile(), Requeue::At(memory.stalls_at), "a person is told a minute later");
        memory.stalls_at = memory.now;
        assert_eq!(memory.next_reconcile(), LATER);
        memory.entry.recorded.is_stalled = true;
        assert_eq!(memory.next_reconcile(), Requeue::OnChange);
        memory.secret().trust = Some(digest("t0"));
        assert_eq!(memory.next_reconcile(), LATER, "trust reaches the refused too");
        memory.secret().identity_uid = Some(digest("other"));
        assert_eq!(memory.next_reconcile(), Requeue::OnChange, "what is another's is not looked after");
        memory.secret = None;
        assert_eq!(
            memory.next_reconcile(),
            LATER,
            "status still names a Secret, and rotations wait for that"
        );
        memory.entry.recorded.secret_version = None;
        assert_eq!(memory.next_reconcile(), Requeue::OnChange);
    }
}

#[test]
fn a_paused_identity_without_its_secret_is_looked_at_until_status_says_so() {
    let mut memory = Memory::changed(|memory| (memory.secret, memory.entry.is_paused) = (None, true));
    memory.entry.recorded.reason = Some(ReadyReason::Paused);
    assert_eq!(memory.next_reconcile(), LATER);
    memory.entry.recorded.is_ready = false;
    assert_eq!(memory.next_reconcile(), LATER, "status still names a Secret, and rotations wait for that");
    memory.entry.recorded.secret_version = None;
    assert_eq!(memory.next_reconcile(), Requeue::OnChange);
}
