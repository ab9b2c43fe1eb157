//! Each state of the root Secret has its own decision.

use mtls_operator::api::authority::Phase;
use mtls_operator::plan::authority::ca_state::{CaState, NextCa, Provided, RootSecret};
use mtls_operator::plan::authority::decide::decide;
use mtls_operator::plan::authority::decision::RootPlan;
use mtls_operator::plan::authority::distrust::DistrustReason;
use mtls_operator::plan::authority::origin::Origin;
use mtls_operator::plan::authority::reason::AuthorityReason;
use mtls_operator::plan::authority::transition::{NextRoot, Transition};

use super::{change, every_provision, every_secret, keep, provided, sound, summary, world};

#[test]
fn a_settled_root_is_kept_and_signs() {
    let decision = decide(&world(RootSecret::Sound(sound()), Provided::NotAsked));
    assert_eq!(summary(&decision), keep(true, false, AuthorityReason::Ready));
    assert!(decision.message.contains("f1f1f1f1"), "{}", decision.message);
}

#[test]
fn each_state_of_the_root_secret_has_its_own_answer() {
    let rows = [
        (RootSecret::Absent, (RootPlan::Generate, false, false, AuthorityReason::Ready)),
        (RootSecret::NotOurs("why".into()), keep(false, true, AuthorityReason::RootInvalid)),
        (RootSecret::OtherTrustDomain("why".into()), keep(false, true, AuthorityReason::TrustDomainMismatch)),
        (RootSecret::Invalid("why".into()), keep(false, true, AuthorityReason::RootInvalid)),
        (
            RootSecret::Expired(sound()),
            (
                change(Transition::Succeed(NextRoot::New(Origin::Generated))),
                false,
                false,
                AuthorityReason::RootExpired,
            ),
        ),
    ];
    for (secret, expected) in rows {
        assert_eq!(summary(&decide(&world(secret.clone(), Provided::NotAsked))), expected, "{secret:?}");
    }
}

#[test]
fn a_root_secret_without_an_evidence_key_gets_one_when_nothing_else_is_to_be_done() {
    let old = CaState { has_evidence_key: false, ..sound() };
    let decision = decide(&world(RootSecret::Sound(old.clone()), Provided::NotAsked));
    assert_eq!((decision.plan, decision.signs), (RootPlan::AddEvidenceKey, true));
    let short = CaState { max_leaf_ttl: 1, ..old };
    let decision = decide(&world(RootSecret::Sound(short), Provided::NotAsked));
    assert_eq!(decision.plan, change(Transition::RaiseMaxLeafTtl));
}

#[test]
fn an_expired_root_is_replaced_by_the_ca_that_can_sign() {
    let rows = [
        (Provided::NotAsked, change(Transition::Succeed(NextRoot::New(Origin::Generated)))),
        (provided("f1", "anchors-1"), change(Transition::Replace)),
        (provided("f2", "anchors-2"), change(Transition::Succeed(NextRoot::New(Origin::Provided)))),
        (Provided::Missing("why".into()), RootPlan::Keep),
        (Provided::Invalid("why".into()), RootPlan::Keep),
    ];
    for (provided, plan) in rows {
        let decision = decide(&world(RootSecret::Expired(sound()), provided));
        assert_eq!((decision.signs, decision.reason), (false, AuthorityReason::RootExpired));
        assert_eq!((decision.stalled, decision.plan), (plan == RootPlan::Keep, plan));
    }
    let next = NextCa {
        fingerprint: "f2".into(),
        anchors: "anchors-2".into(),
        origin: Origin::Generated,
        distrusted: None,
        is_certified: true,
    };
    let root = CaState { phase: Phase::Announced, next: Some(next), ..sound() };
    let decision = decide(&world(RootSecret::Expired(root), Provided::NotAsked));
    assert_eq!(decision.plan, change(Transition::Succeed(NextRoot::Existing)));
}

#[test]
fn what_is_there_is_never_overwritten_but_by_the_same_anchors() {
    let has_anchors = |secret: &RootSecret| matches!(secret, RootSecret::Sound(_) | RootSecret::Expired(_));
    for secret in every_secret().into_iter().filter(|secret| !has_anchors(secret)) {
        for provided in every_provision() {
            let plan = decide(&world(secret.clone(), provided)).plan;
            let is_first =
                secret == RootSecret::Absent && matches!(plan, RootPlan::Generate | RootPlan::Copy);
            assert!(is_first || plan == RootPlan::Keep, "{secret:?}: {plan:?}");
        }
    }
}

#[test]
fn a_longer_lifetime_is_recorded_before_it_is_used_and_a_shorter_one_never() {
    let short = RootSecret::Sound(CaState { max_leaf_ttl: 599, ..sound() });
    let raise = change(Transition::RaiseMaxLeafTtl);
    assert_eq!(
        summary(&decide(&world(short, Provided::NotAsked))),
        (raise, true, false, AuthorityReason::Ready)
    );
    let long = RootSecret::Sound(CaState { max_leaf_ttl: 601, ..sound() });
    assert_eq!(summary(&decide(&world(long, Provided::NotAsked))), keep(true, false, AuthorityReason::Ready));
}

#[test]
fn only_a_sound_root_signs() {
    for secret in every_secret() {
        for provided in every_provision() {
            let decision = decide(&world(secret.clone(), provided));
            assert_eq!(decision.signs, matches!(secret, RootSecret::Sound(_)), "{secret:?}");
        }
    }
}

#[test]
fn a_distrusted_root_signs_nothing_and_is_replaced_at_once() {
    let distrusted = CaState { distrusted: Some(DistrustReason::Named), ..sound() };
    let rows = [
        (Provided::NotAsked, change(Transition::Succeed(NextRoot::New(Origin::Generated)))),
        (provided("f2", "anchors-2"), change(Transition::Succeed(NextRoot::New(Origin::Provided)))),
        (provided("f2", "anchors-1"), change(Transition::Succeed(NextRoot::New(Origin::Provided)))),
        (Provided::Missing("why".into()), RootPlan::Keep),
        (Provided::Invalid("why".into()), RootPlan::Keep),
    ];
    for (provided, plan) in rows {
        let decision = decide(&world(RootSecret::Sound(distrusted.clone()), provided));
        assert_eq!((decision.signs, decision.reason), (false, AuthorityReason::Distrusted));
        assert_eq!((decision.stalled, decision.plan), (plan == RootPlan::Keep, plan));
    }
    let next = |distrusted| NextCa {
        fingerprint: "f2".into(),
        anchors: "anchors-2".into(),
        origin: Origin::Generated,
        distrusted,
        is_certified: true,
    };
    let with_it = Some(DistrustReason::SameSecret("f1".into()));
    for (why, source) in [(None, NextRoot::Existing), (with_it, NextRoot::New(Origin::Generated))] {
        let next = Some(next(why));
        let root = CaState { phase: Phase::Announced, next, ..distrusted.clone() };
        let decision = decide(&world(RootSecret::Sound(root), Provided::NotAsked));
        assert_eq!(decision.plan, change(Transition::Succeed(source)));
    }
}
