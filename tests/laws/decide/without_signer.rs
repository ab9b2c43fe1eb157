//! Without a signer: the authority is unknown, not ready, halted, or its root has ended.

use mtls_operator::plan::identity::decide::{Plan, decide};
use mtls_operator::plan::identity::ready::ReadyReason;
use mtls_operator::plan::identity::world::{NotReady, SecretState};

use super::{ISSUED, SECOND, WAITING, at, decision, refresh, stands, unknown_authority, unready};
use crate::fixture::{Case, DAY, HOUR, MINUTE, NOW};

/// Its authority may not have been reconciled yet: a leaf would end with its signer, and be due at once.
#[test]
fn a_signer_that_has_ended_signs_nothing() {
    let end = |offset| {
        Case::changed(|case| {
            let signer = case.signer.as_mut().unwrap();
            signer.window.not_after = NOW + offset;
            case.leaf().window.not_after = NOW - MINUTE;
        })
    };
    let plan = |case: &Case| decide(&case.world(), NOW).plan;
    assert!(matches!(plan(&end(MINUTE)), Plan::Issue { .. }));
    assert_eq!(plan(&end(-MINUTE)), Plan::Keep);
}

#[test]
fn while_the_authority_is_halted_nothing_is_issued_and_trust_and_valid_leaves_stay_as_they_are() {
    let halted = |change: fn(&mut Case)| {
        Case::changed(|case| {
            case.signer.as_mut().unwrap().halted = Some(NotReady("the clock is wrong".into()));
            change(case);
        })
    };
    let of = |case: &Case| (decision(case).plan, stands(&decision(case)));
    assert_eq!(of(&halted(|_| {})), (Plan::Keep, ISSUED));
    assert_eq!(of(&halted(|case| case.secret = SecretState::Absent)), (Plan::Keep, WAITING));
    assert_eq!(of(&halted(|case| case.held().matches_profile = false)), (Plan::Keep, WAITING));
    assert_eq!(of(&halted(|case| case.held().trust = Some("t0".into()))), (refresh(), ISSUED));
    let due = at(&halted(|_| {}), NOW + HOUR * 17);
    assert_eq!((due.plan.clone(), stands(&due), due.renewal), (Plan::Keep, ISSUED, None));
    assert!(due.ready.message.contains("the clock is wrong"), "{}", due.ready.message);
}

#[test]
fn a_renewal_without_a_signer_is_reported_and_not_announced_any_more() {
    for without_signer in [unready, unknown_authority] {
        let case = Case::changed(without_signer);
        let renewal = decision(&case).renewal.unwrap();
        let due = at(&case, renewal);
        assert_eq!((&due.plan, stands(&due), due.renewal), (&Plan::Keep, ISSUED, None));
        assert!(
            due.ready.message.contains("its renewal is due and the authority does not sign: "),
            "{due:?}"
        );
    }
}

#[test]
fn without_a_signer_a_leaf_that_is_needed_waits() {
    for change in [unready as fn(&mut Case), unknown_authority] {
        for secret in [SecretState::Absent, Case::changed(|case| case.held().matches_profile = false).secret]
        {
            let mut case = Case::changed(change);
            case.secret = secret;
            let decision = decision(&case);
            assert_eq!((decision.plan.clone(), stands(&decision)), (Plan::Keep, WAITING));
            assert_eq!(decision.ready.message, "the root is lost");
        }
    }
}

#[test]
fn without_a_signer_an_expired_leaf_says_why_no_other_comes() {
    let case = Case::changed(unready);
    let decision = at(&case, NOW + DAY + SECOND);
    assert_eq!(
        (decision.plan.clone(), stands(&decision)),
        (Plan::Keep, (false, false, ReadyReason::Expired))
    );
    assert!(decision.ready.message.ends_with(": the root is lost"), "{}", decision.ready.message);
}

#[test]
fn without_a_signer_labels_are_still_kept_in_force() {
    let mut case = Case::changed(unready);
    case.held().metadata_is_current = false;
    assert_eq!(decision(&case).plan, refresh());
}
