//! Times at which an identity is reconciled without any event: renewal, expiry, first second of a leaf.

use mtls_operator::operator::index::digest::digest;
use mtls_operator::operator::index::issuer::Halted;
use mtls_operator::operator::scheduler::requeue::Requeue;
use mtls_operator::plan::identity::ready::ReadyReason;

use super::{DUE, END, LATER, Memory, NEW, RENEWAL, issuer_entry};
use crate::fixture::NOW;

#[test]
fn renewal_and_expiry_come_in_their_second() {
    let at = |now| Memory::changed(|memory| memory.now = now).next_reconcile();
    assert_eq!(at(RENEWAL - 1), Requeue::At(RENEWAL));
    assert_eq!(at(RENEWAL), DUE);
    assert_eq!(at(END), DUE);
    assert_eq!(at(END + 1), NEW);
    let paused =
        |now| Memory::changed(|memory| (memory.now, memory.entry.is_paused) = (now, true)).next_reconcile();
    assert_eq!(paused(END), Requeue::At(END + 1));
    assert_eq!(paused(END + 1), NEW, "that a paused leaf has expired is told by time alone");
}

#[test]
fn a_renewal_that_nobody_can_sign_is_looked_at_once_and_again_when_somebody_can() {
    let mut memory = Memory::changed(|memory| memory.now = RENEWAL);
    memory.authority.as_mut().unwrap().signer = None;
    assert_eq!(memory.next_reconcile(), DUE, "status does not say so yet");
    memory.entry.recorded.renewal = None;
    assert_eq!(memory.next_reconcile(), Requeue::At(END + 1));
    memory.authority.as_mut().unwrap().signer = Some(issuer_entry());
    assert_eq!(memory.next_reconcile(), DUE);
}

#[test]
fn a_leaf_that_is_not_yet_valid_is_looked_at_once_the_clock_says_so() {
    let begin = NOW.as_second() - 300;
    for (now, attention) in [(begin, Requeue::At(RENEWAL)), (begin - 1, NEW)] {
        assert_eq!(Memory::changed(|m| m.now = now).next_reconcile(), attention);
    }
    let paused = Memory::changed(|m| (m.now, m.entry.is_paused) = (begin - 1, true));
    assert_eq!(paused.next_reconcile(), Requeue::At(END + 1), "nothing is issued");
}

#[test]
fn while_the_signer_is_halted_time_alone_asks_for_what_status_must_say_and_trust_goes_on() {
    let halted = |change: fn(&mut Memory)| {
        let mut memory = Memory::changed(|m| m.signer().halted = Some(Halted));
        change(&mut memory);
        memory.next_reconcile()
    };
    assert_eq!(halted(|_| {}), Requeue::At(RENEWAL));
    assert_eq!(halted(|m| m.now = RENEWAL), DUE, "status takes its time back");
    assert_eq!(halted(|m| (m.now, m.entry.recorded.renewal) = (RENEWAL, None)), Requeue::At(END + 1));
    assert_eq!(halted(|m| m.now = END + 1), NEW, "status says that it has expired");
    let expired = halted(|m| {
        m.now = END + 1;
        m.stands(ReadyReason::Expired);
    });
    assert_eq!(expired, Requeue::OnChange);
    assert_eq!(halted(|m| m.stands(ReadyReason::AuthorityNotReady)), Requeue::OnChange);
    assert_eq!(halted(|m| m.signer().trust = digest("t2")), LATER);
}

#[test]
fn an_expiry_that_is_recorded_waits_for_somebody_who_signs() {
    let expired = |change: fn(&mut Memory)| {
        let mut memory = Memory::changed(|memory| memory.now = END + 1);
        memory.stands(ReadyReason::Expired);
        change(&mut memory);
        memory.next_reconcile()
    };
    assert_eq!(expired(|_| {}), NEW);
    assert_eq!(expired(|m| m.entry.is_paused = true), Requeue::OnChange);
    assert_eq!(expired(|m| m.authority = None), Requeue::OnChange);
    assert_eq!(expired(|m| m.authority.as_mut().unwrap().signer = None), Requeue::OnChange);
    assert_eq!(expired(|m| m.now = END - 1), NEW, "the clock went back: the status is wrong now");
}
