//! One change of a settled world at a time: each has its own plan and condition.

use mtls_operator::pki::Validity;
use mtls_operator::plan::identity::decide::{IssueReason, Plan};
use mtls_operator::plan::identity::policy::Entitlement;
use mtls_operator::plan::identity::profile::{AuthoritySpecHash, IdentitySpecHash, ProfileHash};
use mtls_operator::plan::identity::ready::ReadyReason;
use mtls_operator::plan::identity::world::{LeafDefect, SecretState};

use super::{
    ISSUED, ISSUING, PAUSED, SECOND, at, create, decision, issue, refresh, stands, unknown_authority, unready,
};
use crate::fixture::{Case, DAY, HOUR, NOW, asked, terms};
use test_support::objects::LEAF_DEFECTS;

fn other_profile() -> ProfileHash {
    ProfileHash::of(IdentitySpecHash::of(&asked("other")), AuthoritySpecHash::of(&terms()))
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
        ("a former identity's", |c| c.held().carries_uid = false, issue(IssueReason::Adopted), ISSUING),
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
    for (name, change, plan, ready) in rows {
        let decision = decision(&Case::changed(change));
        assert_eq!((decision.plan.clone(), stands(&decision)), (plan, ready), "{name}");
    }
}

#[test]
fn every_damage_is_a_reason_of_its_own() {
    let mut words = Vec::new();
    for damage in LEAF_DEFECTS {
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
    assert_eq!(words.len(), LEAF_DEFECTS.len());
}

#[test]
fn a_leaf_that_is_not_yet_valid_is_damage_and_the_one_in_its_place_is_not() {
    let begin = NOW - HOUR / 12;
    let case = Case::settled();
    assert_eq!(at(&case, begin).plan, Plan::Keep);
    let early = at(&case, begin - SECOND);
    assert_eq!(
        (early.plan, early.ready.ready),
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
