//! Laws of the custody of roots: made once, never silently replaced.

use mtls_operator::api::authority::Phase;
use mtls_operator::pki::Validity;
use mtls_operator::plan::authority::ca_state::{CaState, NextCa, Provided, RootSecret};
use mtls_operator::plan::authority::decide::decide;
use mtls_operator::plan::authority::decision::{RootDecision, RootPlan};
use mtls_operator::plan::authority::distrust::DistrustReason;
use mtls_operator::plan::authority::evidence::Evidence;
use mtls_operator::plan::authority::origin::Origin;
use mtls_operator::plan::authority::reason::AuthorityReason;
use mtls_operator::plan::authority::warning::disruption_warning;
use mtls_operator::plan::authority::world::{LossAcceptance, RootWorld};
use mtls_operator::plan::unread_spec::Unread;

use mtls_operator::plan::authority::quiet_period::Distribution;
use mtls_operator::plan::authority::rotation_inputs::{RotationInputs, RotationRules};
use mtls_operator::plan::authority::safeguards::Safeguards;
use mtls_operator::plan::authority::transition::{Cause, NextRoot, Transition};

use super::fixture::{DAY, MINUTE, NOW};

pub fn sound() -> CaState {
    CaState {
        fingerprint: "f1".repeat(32),
        anchors: "anchors-1".into(),
        window: Validity { not_before: NOW - DAY, not_after: NOW + DAY * 365 },
        origin: Origin::Generated,
        distrusted: None,
        accepted_intermediate: None,
        is_certified: false,
        max_leaf_ttl: 600,
        phase: Phase::Stable,
        since: NOW - DAY,
        next: None,
        retiring: Vec::new(),
        rotate_request: None,
        has_evidence_key: true,
    }
}

/// Evidence of a loss.
pub fn a_leaf() -> Evidence {
    Evidence::proven("a leaf exists".into())
}

pub fn world(secret: RootSecret, provided: Provided) -> RootWorld {
    RootWorld {
        secret_name: "mtls-system/mtls-authority-mesh".into(),
        secret,
        inputs: inputs(provided),
        evidence: None,
        acceptance: LossAcceptance::NotAsked,
        unread: Unread::default(),
        clock: None,
    }
}

pub fn inputs(provided: Provided) -> RotationInputs {
    let rules = RotationRules {
        propagation: MINUTE,
        spread_over: DAY,
        renew_before: DAY * 100,
        max_leaf_ttl: MINUTE * 10,
        safeguards: Safeguards::ALL,
    };
    RotationInputs { now: NOW, rules, provided, request: None, distribution: Distribution::default() }
}

pub fn change(transition: Transition) -> RootPlan {
    RootPlan::Change(transition)
}

pub fn provided(fingerprint: &str, anchors: &str) -> Provided {
    Provided::Sound { fingerprint: fingerprint.repeat(32), anchors: anchors.into() }
}

/// Every state of what people provide.
pub fn every_provision() -> [Provided; 5] {
    [
        Provided::NotAsked,
        Provided::Missing("missing".into()),
        Provided::Invalid("invalid".into()),
        provided("f1", "anchors-1"),
        provided("f2", "anchors-2"),
    ]
}

/// Every state of the root Secret.
pub fn every_secret() -> [RootSecret; 7] {
    [
        RootSecret::Absent,
        RootSecret::NotOurs("not ours".into()),
        RootSecret::OtherTrustDomain("other domain".into()),
        RootSecret::Invalid("invalid".into()),
        RootSecret::Expired(sound()),
        RootSecret::Sound(sound()),
        RootSecret::Sound(CaState { origin: Origin::Provided, max_leaf_ttl: 1, ..sound() }),
    ]
}

/// Plan, whether it signs, whether a person must act, and why.
fn told(decision: &RootDecision) -> (RootPlan, bool, bool, AuthorityReason) {
    (decision.plan.clone(), decision.signs, decision.stalled, decision.reason)
}

fn keep(signs: bool, stalled: bool, reason: AuthorityReason) -> (RootPlan, bool, bool, AuthorityReason) {
    (RootPlan::Keep, signs, stalled, reason)
}

#[test]
fn a_settled_root_is_kept_and_signs() {
    let decision = decide(&world(RootSecret::Sound(sound()), Provided::NotAsked));
    assert_eq!(told(&decision), keep(true, false, AuthorityReason::Ready));
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
        assert_eq!(told(&decide(&world(secret.clone(), Provided::NotAsked))), expected, "{secret:?}");
    }
}

#[test]
fn a_root_is_made_only_where_nothing_shows_that_there_was_one() {
    for secret in every_secret() {
        for provided in every_provision() {
            for evidence in [None, Some(a_leaf())] {
                let world = RootWorld { evidence, ..world(secret.clone(), provided.clone()) };
                let plan = decide(&world).plan;
                if matches!(plan, RootPlan::Generate | RootPlan::Copy) {
                    assert_eq!((&world.secret, &world.evidence), (&RootSecret::Absent, &None));
                }
            }
        }
    }
}

#[test]
fn evidence_stops_everything_and_tells_how_to_recover() {
    for secret in [RootSecret::Absent, RootSecret::Expired(sound()), RootSecret::Sound(sound())] {
        for provided in every_provision() {
            let world = RootWorld { evidence: Some(a_leaf()), ..world(secret.clone(), provided) };
            let decision = decide(&world);
            assert_eq!(told(&decision), keep(false, true, AuthorityReason::RootLost), "{secret:?}");
            let message = decision.message;
            assert!(
                message.starts_with("a leaf exists; restore Secret mtls-system/mtls-authority-mesh"),
                "{message}"
            );
        }
    }
}

#[test]
fn evidence_that_people_may_have_written_tells_what_to_do_if_it_is_wrong() {
    let evidence = Some(Evidence::claimed("a leaf exists".into(), "If not, delete it".into()));
    for acceptance in [LossAcceptance::NotAsked, LossAcceptance::Refused("another one".into())] {
        let evidence = evidence.clone();
        let world = RootWorld { evidence, acceptance, ..world(RootSecret::Absent, Provided::NotAsked) };
        let message = decide(&world).message;
        assert!(message.contains("until then. If not, delete it"), "{message}");
    }
}

#[test]
fn where_there_was_no_root_the_first_is_made_as_if_there_were_no_evidence() {
    for provided in every_provision() {
        let plain = decide(&world(RootSecret::Absent, provided.clone()));
        let (evidence, acceptance) = (Some(a_leaf()), LossAcceptance::NoneLost);
        let world = RootWorld { evidence, acceptance, ..world(RootSecret::Absent, provided) };
        assert_eq!(decide(&world), plain);
        let there = RootWorld { secret: RootSecret::Sound(sound()), ..world };
        assert_eq!(told(&decide(&there)), keep(false, true, AuthorityReason::RootLost), "there is a root");
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
fn a_secret_that_is_not_the_roots_is_named_before_the_loss_of_the_root() {
    for (secret, reason) in [
        (RootSecret::NotOurs("why".into()), AuthorityReason::RootInvalid),
        (RootSecret::Invalid("why".into()), AuthorityReason::RootInvalid),
        (RootSecret::OtherTrustDomain("why".into()), AuthorityReason::TrustDomainMismatch),
    ] {
        let world = RootWorld { evidence: Some(a_leaf()), ..world(secret, Provided::NotAsked) };
        let decision = decide(&world);
        assert_eq!((decision.reason, decision.message.as_str()), (reason, "why"));
    }
}

#[test]
fn an_expired_root_gives_way_to_whatever_can_sign() {
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
fn a_first_provided_ca_is_copied_once_it_is_there_and_sound() {
    let rows = [
        (provided("f1", "anchors-1"), (RootPlan::Copy, false, false, AuthorityReason::Ready)),
        (Provided::Missing("why".into()), keep(false, true, AuthorityReason::ProvidedMissing)),
        (Provided::Invalid("why".into()), keep(false, true, AuthorityReason::ProvidedInvalid)),
    ];
    for (provided, expected) in rows {
        assert_eq!(told(&decide(&world(RootSecret::Absent, provided.clone()))), expected, "{provided:?}");
    }
}

fn announced(origin: Origin) -> (RootPlan, bool, bool, AuthorityReason) {
    (change(Transition::Announce(origin, Cause::Provision)), true, false, AuthorityReason::Ready)
}

#[test]
fn a_copy_goes_on_signing_whatever_becomes_of_its_source() {
    let copy = RootSecret::Sound(CaState { origin: Origin::Provided, ..sound() });
    let rows = [
        (provided("f1", "anchors-1"), keep(true, false, AuthorityReason::Ready)),
        (provided("f2", "anchors-1"), (change(Transition::Replace), true, false, AuthorityReason::Ready)),
        (provided("f2", "anchors-2"), announced(Origin::Provided)),
        (provided("f1", "anchors-2"), (change(Transition::Replace), true, false, AuthorityReason::Ready)),
        (Provided::NotAsked, announced(Origin::Generated)),
        (Provided::Missing("why".into()), keep(true, true, AuthorityReason::ProvidedMissing)),
        (Provided::Invalid("why".into()), keep(true, true, AuthorityReason::ProvidedInvalid)),
    ];
    for (provided, expected) in rows {
        let decision = decide(&world(copy.clone(), provided.clone()));
        assert_eq!(told(&decision), expected, "{provided:?}");
        assert_eq!(decision.stalled, decision.message.ends_with("Signing goes on with the copy in force"));
    }
}

#[test]
fn a_generated_root_is_exchanged_for_a_provided_one_once_that_is_there() {
    let decision = decide(&world(RootSecret::Sound(sound()), provided("f2", "anchors-2")));
    assert_eq!(told(&decision), announced(Origin::Provided));
    let rows = [
        (Provided::Missing("why".into()), AuthorityReason::ProvidedMissing),
        (Provided::Invalid("why".into()), AuthorityReason::ProvidedInvalid),
    ];
    for (provided, reason) in rows {
        let decision = decide(&world(RootSecret::Sound(sound()), provided));
        assert_eq!(told(&decision), keep(true, true, reason));
        assert!(decision.message.contains("why"), "{}", decision.message);
        assert!(decision.message.ends_with("with the generated root in force"), "{}", decision.message);
    }
}

#[test]
fn a_longer_lifetime_is_recorded_before_it_is_used_and_a_shorter_one_never() {
    let short = RootSecret::Sound(CaState { max_leaf_ttl: 599, ..sound() });
    let raise = change(Transition::RaiseMaxLeafTtl);
    assert_eq!(
        told(&decide(&world(short, Provided::NotAsked))),
        (raise, true, false, AuthorityReason::Ready)
    );
    let long = RootSecret::Sound(CaState { max_leaf_ttl: 601, ..sound() });
    assert_eq!(told(&decide(&world(long, Provided::NotAsked))), keep(true, false, AuthorityReason::Ready));
}

#[test]
fn the_larger_lifetime_is_recorded_also_while_the_source_of_a_copy_is_broken() {
    let copy = RootSecret::Sound(CaState { origin: Origin::Provided, max_leaf_ttl: 599, ..sound() });
    for provided in [Provided::Missing("why".into()), Provided::Invalid("why".into())] {
        let decision = decide(&world(copy.clone(), provided));
        assert_eq!(decision.plan, change(Transition::RaiseMaxLeafTtl));
        assert!(decision.stalled && decision.signs);
    }
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
fn a_distrusted_root_signs_nothing_and_gives_way_at_once() {
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

#[test]
fn a_loss_is_accepted_only_where_something_is_left_of_the_root_and_somebody_can_sign() {
    let decided = |acceptance, provided| {
        let evidence = Some(a_leaf());
        let decision = decide(&RootWorld { evidence, acceptance, ..world(RootSecret::Absent, provided) });
        assert_eq!((decision.signs, decision.reason), (false, AuthorityReason::RootLost));
        (decision.plan, decision.stalled, decision.message)
    };
    let (plan, stalled, _) = decided(LossAcceptance::Found, Provided::NotAsked);
    assert_eq!((plan, stalled), (RootPlan::Recover, false));
    let (plan, ..) = decided(LossAcceptance::Found, provided("f2", "anchors-2"));
    assert_eq!(plan, RootPlan::Recover);
    let (plan, stalled, _) = decided(LossAcceptance::Found, Provided::Missing("why".into()));
    assert_eq!((plan, stalled), (RootPlan::Keep, true));
    let (plan, stalled, message) = decided(LossAcceptance::Refused("another one".into()), Provided::NotAsked);
    assert_eq!((plan, stalled), (RootPlan::Keep, true));
    assert!(message.contains("restore Secret") && message.ends_with("another one"), "{message}");
    // Without evidence of a loss there is nothing to accept.
    let world =
        RootWorld { acceptance: LossAcceptance::Found, ..world(RootSecret::Absent, Provided::NotAsked) };
    assert_eq!(decide(&world).plan, RootPlan::Generate);
}

#[test]
fn people_are_warned_of_a_change_that_breaks_connections_and_of_no_other() {
    let world = world(RootSecret::Sound(sound()), Provided::NotAsked);
    let warned = |plan| disruption_warning(&world, &RootDecision { plan, ..decide(&world) }, "mesh");
    let switch = |is_forced| change(Transition::Switch { is_forced });
    for plan in
        [RootPlan::Recover, change(Transition::Succeed(NextRoot::New(Origin::Generated))), switch(true)]
    {
        let said = warned(plan.clone()).unwrap_or_default();
        assert!(said.to_lowercase().contains("restart"), "{plan:?} says what to do: {said}");
    }
    let announced = change(Transition::Announce(Origin::Generated, Cause::Due));
    for plan in [announced, switch(false), change(Transition::Drop(Vec::new())), RootPlan::Generate] {
        assert_eq!(warned(plan.clone()), None, "{plan:?}");
    }
}

#[test]
fn of_a_signer_that_only_people_can_replace_they_are_told_before_it_cuts_certificates_short() {
    let end = NOW + DAY * 365;
    let copy = || CaState { origin: Origin::Provided, ..sound() };
    let same = || provided("f1", "anchors-1");
    // Twice the sum of propagation and the longest life of a leaf before the end.
    let told_from = end - MINUTE * 22;
    let warning = |root: CaState, given: Provided, now| {
        let mut world = world(RootSecret::Sound(root), given);
        world.inputs.now = now;
        decide(&world).warning
    };
    assert_eq!(warning(copy(), same(), told_from - MINUTE), None);
    let told = warning(copy(), same(), told_from).unwrap();
    assert!(told.contains(&end.to_string()) && told.contains(&(end - MINUTE * 10).to_string()), "{told}");
    for given in [same(), Provided::Missing("why".into()), Provided::Invalid("why".into())] {
        let later = warning(copy(), given.clone(), end - MINUTE);
        assert_eq!(later.as_ref(), Some(&told), "it is the same all the time: {given:?}");
    }
    let next = NextCa {
        fingerprint: "f2".into(),
        anchors: "anchors-2".into(),
        origin: Origin::Provided,
        distrusted: None,
        is_certified: true,
    };
    let replaced = CaState { phase: Phase::Announced, next: Some(next), ..copy() };
    let rows = [
        (sound(), Provided::NotAsked, "the operator replaces what it has generated"),
        (
            sound(),
            Provided::Missing("why".into()),
            "what is generated is replaced though a provided one is missing",
        ),
        (copy(), Provided::NotAsked, "a generated root follows"),
        (copy(), provided("f2", "anchors-2"), "the successor is there"),
        (replaced, Provided::Missing("why".into()), "the successor is announced"),
    ];
    for (root, given, why) in rows {
        assert_eq!(warning(root, given, told_from), None, "{why}");
    }
}

#[test]
fn a_warning_is_told_beside_how_an_authority_stands() {
    let root = CaState { origin: Origin::Provided, ..sound() };
    let mut world = world(RootSecret::Sound(root), provided("f1", "anchors-1"));
    world.inputs.now = NOW + DAY * 365 - MINUTE;
    let verdict = decide(&world).ready();
    assert_eq!((verdict.ready, verdict.stalled, verdict.reason.as_str()), (true, false, "Ready"));
    assert!(
        verdict.message.starts_with("signs with root") && verdict.message.contains("put its successor"),
        "{}",
        verdict.message
    );
}
