//! Renewal and expiry, each at its second; leaves that end with their signer; renewals on request.

use mtls_operator::plan::identity::decide::{IssueReason, Plan};
use mtls_operator::plan::identity::ready::ReadyReason;

use super::{ISSUED, PAUSED, SECOND, at, decision, issue, stands};
use crate::fixture::{Case, DAY, HOUR, NOW};

#[test]
fn a_leaf_expires_after_its_last_second_and_not_before() {
    let case = Case::changed(|case| case.asked.paused = true);
    let end = NOW + DAY;
    for (now, ready) in
        [(end - SECOND, PAUSED), (end, PAUSED), (end + SECOND, (false, true, ReadyReason::Expired))]
    {
        assert_eq!(stands(&at(&case, now)), ready, "{now}");
    }
    let running = Case::settled();
    assert_eq!(at(&running, end).plan, issue(IssueReason::Due));
    assert_eq!(at(&running, end + SECOND).plan, issue(IssueReason::Expired));
    assert_eq!(stands(&at(&running, end + SECOND)), (false, false, ReadyReason::Expired));
}

#[test]
fn a_leaf_is_renewed_in_the_second_that_was_announced() {
    let case = Case::settled();
    let renewal = decision(&case).renewal.unwrap();
    assert_eq!(at(&case, renewal - SECOND).plan, Plan::Keep);
    for now in [renewal, renewal + SECOND] {
        let due = at(&case, now);
        assert_eq!((due.plan.clone(), stands(&due)), (issue(IssueReason::Due), ISSUED), "{now}");
    }
}

#[test]
fn a_larger_margin_brings_the_renewal_forward() {
    let early = Case::changed(|case| case.asked.renew_before = Some(HOUR * 11));
    let late = Case::changed(|case| case.asked.renew_before = Some(HOUR));
    assert!(decision(&early).renewal < decision(&Case::settled()).renewal);
    assert!(decision(&Case::settled()).renewal < decision(&late).renewal);
}

#[test]
fn a_leaf_that_ends_with_its_signer_is_not_due() {
    let mut case = Case::settled();
    let end = case.leaf().window.not_after;
    case.signer.as_mut().unwrap().window.not_after = end;
    let last = at(&case, end);
    assert_eq!((last.plan, last.renewal), (Plan::Keep, None));
    assert_eq!(at(&case, end + SECOND).plan, Plan::Keep, "its signer has ended, too");
    case.signer.as_mut().unwrap().window.not_after = end + DAY;
    assert_eq!(at(&case, end + SECOND).plan, issue(IssueReason::Expired));
}

#[test]
fn a_leaf_that_ends_with_another_signer_is_due() {
    let mut case = Case::settled();
    case.leaf().key_id = "a0".into();
    let end = case.leaf().window.not_after;
    case.signer.as_mut().unwrap().window.not_after = end;
    assert_eq!(at(&case, end).plan, issue(IssueReason::Due));
}

#[test]
fn a_leaf_one_second_shorter_than_its_signer_is_still_renewed() {
    let mut case = Case::settled();
    let end = case.leaf().window.not_after;
    case.signer.as_mut().unwrap().window.not_after = end + SECOND;
    assert_eq!(at(&case, end).plan, issue(IssueReason::Due));
}

#[test]
fn a_renewal_request_is_answered_once() {
    let mut case = Case::settled();
    case.asked.renew_request = Some("monday".into());
    assert_eq!(decision(&case).plan, issue(IssueReason::Requested));
    case.held().renew_request = Some("monday".into());
    assert_eq!(decision(&case).plan, Plan::Keep);
    case.asked.renew_request = Some("tuesday".into());
    assert_eq!(decision(&case).plan, issue(IssueReason::Requested));
    case.asked.renew_request = None;
    assert_eq!(decision(&case).plan, Plan::Keep, "taking a request back asks for nothing");
}

#[test]
fn a_leaf_that_ends_with_its_signer_says_that_it_is_not_renewed_until_there_is_another() {
    let said = |case: &Case| decision(case).ready.message.contains("only when the authority has another one");
    assert!(!said(&Case::settled()));
    let mut case = Case::settled();
    let end = case.leaf().window.not_after;
    case.signer.as_mut().unwrap().window.not_after = end;
    assert!(said(&case));
    assert_eq!((stands(&decision(&case)), decision(&case).renewal), (ISSUED, None));
    case.leaf().key_id = "a0".into();
    assert!(!said(&case), "another one signs already");
}
