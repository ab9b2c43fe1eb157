//! Times at which an identity is reconciled without any event: renewal, expiry, first second of a leaf.

use mtls_operator::operator::index::digest::digest;
use mtls_operator::operator::index::issuer::Halted;
use mtls_operator::operator::scheduler::requeue::Requeue;
use mtls_operator::plan::identity::ready::ReadyReason;

use super::{DUE, END, Indexed, LATER, NEW, RENEWAL, issuer_entry};
use crate::fixture::NOW;

#[test]
fn renewal_and_expiry_come_in_their_second() {
    let at = |now| Indexed::changed(|indexed| indexed.now = now).next_reconcile();
    assert_eq!(at(RENEWAL - 1), Requeue::At(RENEWAL));
    assert_eq!(at(RENEWAL), DUE);
    assert_eq!(at(END), DUE);
    assert_eq!(at(END + 1), NEW);
    let paused = |now| {
        Indexed::changed(|indexed| (indexed.now, indexed.entry.is_paused) = (now, true)).next_reconcile()
    };
    assert_eq!(paused(END), Requeue::At(END + 1));
    assert_eq!(paused(END + 1), NEW, "an expired leaf of a paused identity is reported without any event");
}

#[test]
fn a_renewal_without_a_signer_is_reconciled_once_and_again_with_a_signer() {
    let mut indexed = Indexed::changed(|indexed| indexed.now = RENEWAL);
    indexed.authority.as_mut().unwrap().signer = None;
    assert_eq!(indexed.next_reconcile(), DUE, "status does not say so yet");
    indexed.entry.recorded.renewal = None;
    assert_eq!(indexed.next_reconcile(), Requeue::At(END + 1));
    indexed.authority.as_mut().unwrap().signer = Some(issuer_entry());
    assert_eq!(indexed.next_reconcile(), DUE);
}

#[test]
fn a_leaf_that_is_not_yet_valid_is_reconciled_as_soon_as_the_clock_shows_it() {
    let begin = NOW.as_second() - 300;
    for (now, requeue) in [(begin, Requeue::At(RENEWAL)), (begin - 1, NEW)] {
        assert_eq!(Indexed::changed(|m| m.now = now).next_reconcile(), requeue);
    }
    let paused = Indexed::changed(|m| (m.now, m.entry.is_paused) = (begin - 1, true));
    assert_eq!(paused.next_reconcile(), Requeue::At(END + 1), "nothing is issued");
}

#[test]
fn while_the_signer_is_halted_status_and_trust_are_still_reconciled() {
    let halted = |change: fn(&mut Indexed)| {
        let mut indexed = Indexed::changed(|m| m.signer().halted = Some(Halted));
        change(&mut indexed);
        indexed.next_reconcile()
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
fn a_recorded_expiry_waits_for_a_signer() {
    let expired = |change: fn(&mut Indexed)| {
        let mut indexed = Indexed::changed(|indexed| indexed.now = END + 1);
        indexed.stands(ReadyReason::Expired);
        change(&mut indexed);
        indexed.next_reconcile()
    };
    assert_eq!(expired(|_| {}), NEW);
    assert_eq!(expired(|m| m.entry.is_paused = true), Requeue::OnChange);
    assert_eq!(expired(|m| m.authority = None), Requeue::OnChange);
    assert_eq!(expired(|m| m.authority.as_mut().unwrap().signer = None), Requeue::OnChange);
    assert_eq!(expired(|m| m.now = END - 1), NEW, "the clock went back: the status is wrong now");
}
