//! Laws of what an identity needs.

use jiff::{SignedDuration, Timestamp};
use mtls_operator::pki::Validity;
use mtls_operator::plan::identity::decide::{Decision, IssueReason, Plan, decide};
use mtls_operator::plan::identity::policy::Entitlement;
use mtls_operator::plan::identity::profile::{AuthoritySpecHash, IdentitySpecHash, ProfileHash};
use mtls_operator::plan::identity::ready::{ReadyReason, Refusal};
use mtls_operator::plan::identity::world::{LeafDefect, NotReady, SecretState};

use super::fixture::{Case, DAY, HOUR, MINUTE, NOW, asked, terms};

const SECOND: SignedDuration = SignedDuration::from_secs(1);

fn decision(case: &Case) -> Decision {
    decide(&case.world(), NOW + HOUR)
}

fn at(case: &Case, now: Timestamp) -> Decision {
    decide(&case.world(), now)
}

fn issue(because: IssueReason) -> Plan {
    Plan::Issue { because, over: Some("7".into()) }
}

fn create(because: IssueReason) -> Plan {
    Plan::Issue { because, over: None }
}

fn refresh() -> Plan {
    Plan::Refresh { over: "7".into() }
}

/// Ready, Stalled and the reason, as a user reads them.
fn stands(decision: &Decision) -> (bool, bool, ReadyReason) {
    (decision.standing.ready, decision.standing.stalled, decision.standing.reason)
}

const ISSUED: (bool, bool, ReadyReason) = (true, false, ReadyReason::Issued);
const ISSUING: (bool, bool, ReadyReason) = (false, false, ReadyReason::Issuing);
const PAUSED: (bool, bool, ReadyReason) = (true, false, ReadyReason::Paused);
const STUCK: (bool, bool, ReadyReason) = (false, true, ReadyReason::Paused);
const WAITING: (bool, bool, ReadyReason) = (false, false, ReadyReason::AuthorityNotReady);

fn other_profile() -> ProfileHash {
    ProfileHash::of(IdentitySpecHash::of(&asked("other")), AuthoritySpecHash::of(&terms()))
}

fn unready(case: &mut Case) {
    case.signer = Err(NotReady("the root is lost".into()));
}

fn unknown_authority(case: &mut Case) {
    case.terms = None;
    unready(case);
}

fn refuse(case: &mut Case, refusal: Refusal) {
    case.terms.as_mut().unwrap().entitlement = Err(refusal);
}

/// Its authority may not have been looked at yet: a leaf would have ended with its signer, and be due at birth.
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
fn a_settled_identity_needs_nothing_and_is_told_when_it_is_renewed() {
    let case = Case::settled();
    let decision = decision(&case);
    assert_eq!((&decision.plan, stands(&decision)), (&Plan::Keep, ISSUED));
    let renewal = decision.renewal.unwrap();
    assert!(renewal <= NOW + HOUR * 16 && renewal >= NOW + HOUR * 16 - HOUR * 24 / 10, "{renewal}");
}

#[test]
fn each_change_of_a_settled_world_has_its_own_plan_and_standing() {
    type Row = (&'static str, fn(&mut Case), Plan, (bool, bool, ReadyReason));
    let rows: [Row; 15] = [
        (
            "never issued",
            |c| (c.secret, c.before.was_issued) = (SecretState::Absent, false),
            create(IssueReason::New),
            ISSUING,
        ),
        ("Secret gone", |c| c.secret = SecretState::Absent, create(IssueReason::Missing), ISSUING),
        ("left by a namesake", |c| c.held().carries_uid = false, issue(IssueReason::Adopted), ISSUING),
        (
            "profile changed",
            |c| c.held().profile = Some(other_profile()),
            issue(IssueReason::Changed),
            ISSUING,
        ),
        ("leaf is another", |c| c.held().matches_profile = false, issue(IssueReason::Changed), ISSUING),
        ("profile unknown", |c| c.held().profile = None, Plan::Keep, ISSUED),
        (
            "renewal asked",
            |c| c.asked.renew_request = Some("1".into()),
            issue(IssueReason::Requested),
            ISSUED,
        ),
        ("trust is older", |c| c.held().trust = Some("t0".into()), refresh(), ISSUED),
        ("trust is gone", |c| c.held().trust = None, refresh(), ISSUED),
        ("labels stripped", |c| c.held().metadata_is_current = false, refresh(), ISSUED),
        ("paused", |c| c.asked.paused = true, Plan::Keep, PAUSED),
        ("authority down", unready, Plan::Keep, ISSUED),
        ("authority unknown", unknown_authority, Plan::Keep, ISSUED),
        ("another signer", |c| c.leaf().key_id = "a0".into(), Plan::Keep, ISSUED),
        ("never recorded", |c| c.before.was_issued = false, Plan::Keep, ISSUED),
    ];
    for (name, change, plan, standing) in rows {
        let decision = decision(&Case::changed(change));
        assert_eq!((decision.plan.clone(), stands(&decision)), (plan, standing), "{name}");
    }
}

#[test]
fn every_damage_is_a_reason_of_its_own() {
    let damages = [
        LeafDefect::CertificateUnreadable,
        LeafDefect::KeyUnreadable,
        LeafDefect::KeyMismatch,
        LeafDefect::Untrusted,
        LeafDefect::Unsound,
        LeafDefect::NotYetValid,
    ];
    let mut words = Vec::new();
    for damage in damages {
        let decision = decision(&Case::changed(|case| case.held().leaf = Err(damage)));
        assert_eq!(
            (decision.plan.clone(), stands(&decision)),
            (issue(IssueReason::Damaged(damage)), ISSUING)
        );
        assert_eq!(decision.renewal, None);
        words.push(IssueReason::Damaged(damage).as_str());
    }
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), damages.len());
}

#[test]
fn a_leaf_expires_after_its_last_second_and_not_before() {
    let case = Case::changed(|case| case.asked.paused = true);
    let end = NOW + DAY;
    for (now, standing) in
        [(end - SECOND, PAUSED), (end, PAUSED), (end + SECOND, (false, true, ReadyReason::Expired))]
    {
        assert_eq!(stands(&at(&case, now)), standing, "{now}");
    }
    let running = Case::settled();
    assert_eq!(at(&running, end).plan, issue(IssueReason::Due));
    assert_eq!(at(&running, end + SECOND).plan, issue(IssueReason::Expired));
    assert_eq!(stands(&at(&running, end + SECOND)), (false, false, ReadyReason::Expired));
}

#[test]
fn a_leaf_that_is_not_yet_valid_is_damage_and_the_one_in_its_place_is_not() {
    let begin = NOW - HOUR / 12;
    let case = Case::settled();
    assert_eq!(at(&case, begin).plan, Plan::Keep);
    let early = at(&case, begin - SECOND);
    assert_eq!(
        (early.plan, early.standing.ready),
        (issue(IssueReason::Damaged(LeafDefect::NotYetValid)), false)
    );
    let now = NOW - HOUR * 8;
    let again = Case::changed(|case| {
        let end = NOW + DAY;
        case.leaf().window = Validity::leaf(now, DAY, Validity { not_before: now - DAY, not_after: end });
        case.leaf().issued_at = now;
    });
    // Another replica may be behind by four minutes: each of them by two, to either side.
    for now in [now, now - HOUR / 15] {
        assert_eq!(at(&again, now).plan, Plan::Keep);
    }
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
    assert!(due.standing.message.contains("the clock is wrong"), "{}", due.standing.message);
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
fn a_renewal_that_nobody_can_sign_is_told_and_not_announced_any_more() {
    for nobody_signs in [unready, unknown_authority] {
        let case = Case::changed(nobody_signs);
        let renewal = decision(&case).renewal.unwrap();
        let due = at(&case, renewal);
        assert_eq!((&due.plan, stands(&due), due.renewal), (&Plan::Keep, ISSUED, None));
        assert!(
            due.standing.message.contains("its renewal is due and the authority does not sign: "),
            "{due:?}"
        );
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
fn a_paused_identity_gets_no_leaf_whatever_happens() {
    type Row = (&'static str, fn(&mut Case), (bool, bool, ReadyReason));
    let rows: [Row; 6] = [
        ("Secret gone", |c| c.secret = SecretState::Absent, STUCK),
        ("damaged", |c| c.held().leaf = Err(LeafDefect::KeyMismatch), STUCK),
        ("changed", |c| c.held().matches_profile = false, STUCK),
        ("left by a namesake", |c| c.held().carries_uid = false, STUCK),
        ("renewal asked", |c| c.asked.renew_request = Some("1".into()), PAUSED),
        ("due", |c| c.leaf().issued_at = NOW - DAY * 9, PAUSED),
    ];
    for (name, change, standing) in rows {
        let mut case = Case::changed(change);
        case.asked.paused = true;
        let decision = decision(&case);
        assert_eq!((decision.plan.clone(), stands(&decision)), (Plan::Keep, standing), "{name}");
        assert_eq!(decision.renewal, None, "{name}: a renewal is announced");
    }
}

#[test]
fn trust_reaches_paused_and_refused_identities_without_a_new_key() {
    let changes: [fn(&mut Case); 3] = [
        |case| case.asked.paused = true,
        |case| refuse(case, Refusal::NotPermitted("no grant".into())),
        |case| refuse(case, Refusal::Invalid("too long".into())),
    ];
    for change in changes {
        let mut case = Case::changed(change);
        case.held().trust = Some("t0".into());
        assert_eq!(decision(&case).plan, refresh());
        case.held().carries_uid = false;
        assert_eq!(decision(&case).plan, Plan::Keep, "what is not its own is not dressed up");
    }
}

#[test]
fn a_refusal_stalls_and_no_leaf_is_issued() {
    let rows = [
        (Refusal::NotPermitted("a".into()), ReadyReason::NotPermitted),
        (Refusal::Invalid("a".into()), ReadyReason::Invalid),
        (Refusal::SecretConflict("a".into()), ReadyReason::SecretConflict),
    ];
    for (refusal, reason) in rows {
        for secret in [Case::settled().secret, SecretState::Absent] {
            let mut case = Case::settled();
            case.secret = secret;
            refuse(&mut case, refusal.clone());
            let decision = decision(&case);
            assert_eq!((decision.plan.clone(), stands(&decision)), (Plan::Keep, (false, true, reason)));
            assert_eq!(decision.standing.message, "a");
        }
    }
}

#[test]
fn a_foreign_secret_is_never_touched_and_comes_before_every_other_trouble() {
    let mut case = Case::changed(|case| case.secret = SecretState::Foreign("it is Bob's".into()));
    case.asked.renew_request = Some("1".into());
    refuse(&mut case, Refusal::Invalid("too long".into()));
    unready(&mut case);
    for now in [NOW, NOW + DAY * 400] {
        let decision = at(&case, now);
        assert_eq!(
            (decision.plan.clone(), stands(&decision)),
            (Plan::Keep, (false, true, ReadyReason::SecretConflict))
        );
        assert_eq!(decision.standing.message, "it is Bob's");
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
            assert_eq!(decision.standing.message, "the root is lost");
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
    assert!(decision.standing.message.ends_with(": the root is lost"), "{}", decision.standing.message);
}

#[test]
fn without_a_signer_labels_are_still_kept_in_force() {
    let mut case = Case::changed(unready);
    case.held().metadata_is_current = false;
    assert_eq!(decision(&case).plan, refresh());
}

#[test]
fn what_is_unsound_is_judged_before_what_is_merely_old() {
    let mut case = Case::settled();
    case.asked.renew_request = Some("1".into());
    case.leaf().window.not_after = NOW;
    assert_eq!(decision(&case).plan, issue(IssueReason::Expired));
    case.held().matches_profile = false;
    assert_eq!(decision(&case).plan, issue(IssueReason::Changed));
    case.held().carries_uid = false;
    assert_eq!(decision(&case).plan, issue(IssueReason::Adopted));
    case.held().leaf = Err(LeafDefect::Untrusted);
    assert_eq!(decision(&case).plan, issue(IssueReason::Damaged(LeafDefect::Untrusted)));
}

#[test]
fn a_new_leaf_names_the_version_it_replaces() {
    let case = Case::changed(|case| {
        case.held().version = "4711".into();
        case.held().matches_profile = false;
    });
    assert_eq!(
        decision(&case).plan,
        Plan::Issue { because: IssueReason::Changed, over: Some("4711".into()) }
    );
}

#[test]
fn the_settled_world_is_permitted_by_its_own_authority() {
    let entitlement: Entitlement = Case::settled().terms.unwrap().entitlement.unwrap();
    assert_eq!(entitlement.ttl, DAY);
}

#[test]
fn a_leaf_that_ends_with_its_signer_says_that_it_is_not_renewed_until_there_is_another() {
    let said =
        |case: &Case| decision(case).standing.message.contains("only when the authority has another one");
    assert!(!said(&Case::settled()));
    let mut case = Case::settled();
    let end = case.leaf().window.not_after;
    case.signer.as_mut().unwrap().window.not_after = end;
    assert!(said(&case));
    assert_eq!((stands(&decision(&case)), decision(&case).renewal), (ISSUED, None));
    case.leaf().key_id = "a0".into();
    assert!(!said(&case), "another one signs already");
}
