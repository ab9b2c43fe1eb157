//! Laws of a clock that cannot be relied on: nothing is signed, time changes no root, and what people distrust goes (I14).

use mtls_operator::api::authority::Phase;
use mtls_operator::plan::authority::ca_state::{CaState, NextCa, Provided, RootSecret};
use mtls_operator::plan::authority::decide::decide;
use mtls_operator::plan::authority::decision::{RootDecision, RootPlan};
use mtls_operator::plan::authority::distrust::DistrustReason;
use mtls_operator::plan::authority::origin::Origin;
use mtls_operator::plan::authority::reason::AuthorityReason;
use mtls_operator::plan::authority::retiring_root::RetiringRoot;
use mtls_operator::plan::authority::transition::{NextRoot, Transition};
use mtls_operator::plan::authority::world::RootWorld;

use super::fixture::{DAY, NOW};
use super::root::{change, every_provision, every_secret, provided, sound, world};

/// The decision in a world whose clock cannot be relied on, and the one that would be made otherwise.
fn both(world: RootWorld) -> (RootDecision, RootDecision) {
    let otherwise = decide(&world);
    let halted = decide(&RootWorld { clock: Some("the clocks differ".into()), ..world });
    (halted, otherwise)
}

fn named(is_distrusted: bool) -> Option<DistrustReason> {
    is_distrusted.then_some(DistrustReason::Named)
}

fn next(is_distrusted: bool) -> NextCa {
    let distrusted = named(is_distrusted);
    NextCa {
        fingerprint: "f2".into(),
        anchors: "anchors-2".into(),
        origin: Origin::Provided,
        distrusted,
        is_certified: true,
    }
}

fn retiring(is_distrusted: bool) -> RetiringRoot {
    RetiringRoot {
        fingerprint: "f0".into(),
        distrusted: named(is_distrusted),
        until: NOW - DAY,
        ..RetiringRoot::default()
    }
}

/// Every phase that time would end.
fn every_phase() -> [CaState; 3] {
    let since = NOW - DAY * 365;
    [
        CaState { since, ..sound() },
        CaState { phase: Phase::Announced, since, next: Some(next(false)), ..sound() },
        CaState { phase: Phase::Draining, since, retiring: vec![retiring(false)], ..sound() },
    ]
}

#[test]
fn nothing_is_ready_and_no_root_is_made_announced_switched_to_or_dropped() {
    let phases = every_phase()
        .into_iter()
        .flat_map(|root| [RootSecret::Sound(root.clone()), RootSecret::Expired(root)]);
    for secret in every_secret().into_iter().chain(phases) {
        for provision in every_provision() {
            let (halted, otherwise) = both(world(secret.clone(), provision.clone()));
            let why = format!("{secret:?} {provision:?}: {halted:?}");
            assert!(!halted.ready().ready && halted.stalled, "{why}");
            let raise = change(Transition::RaiseMaxLeafTtl);
            assert!(halted.plan == RootPlan::Keep || halted.plan == raise, "{why}");
            // Whatever the root Secret holds is in force, so that trust goes on.
            assert_eq!(halted.signs, otherwise.signs, "{why}");
            let is_graver = otherwise.stalled && !otherwise.signs;
            let reason = if is_graver { otherwise.reason } else { AuthorityReason::ClockSkewed };
            assert_eq!((halted.reason, halted.is_halted()), (reason, !is_graver), "{why}");
            assert_eq!(halted.message.ends_with(": the clocks differ"), !is_graver, "{why}");
        }
    }
}

#[test]
fn what_people_distrust_goes_as_far_as_nothing_is_signed_for_that() {
    let signer = CaState { distrusted: Some(DistrustReason::Named), ..sound() };
    let with_next = CaState { phase: Phase::Announced, next: Some(next(false)), ..signer.clone() };
    let rows: [(CaState, Provided, RootPlan); 6] = [
        (signer.clone(), Provided::NotAsked, RootPlan::Keep),
        (signer, provided("f2", "anchors-2"), change(Transition::Succeed(NextRoot::New(Origin::Provided)))),
        (with_next, Provided::NotAsked, change(Transition::Succeed(NextRoot::Existing))),
        (
            CaState { phase: Phase::Announced, next: Some(next(true)), ..sound() },
            Provided::NotAsked,
            change(Transition::Withdraw),
        ),
        (
            CaState { phase: Phase::Draining, retiring: vec![retiring(true)], ..sound() },
            Provided::NotAsked,
            change(Transition::Drop(vec!["f0".into()])),
        ),
        (sound(), Provided::NotAsked, RootPlan::Keep),
    ];
    for (root, provision, plan) in rows {
        let (halted, _) = both(world(RootSecret::Sound(root.clone()), provision));
        assert_eq!(halted.plan, plan, "{root:?}");
    }
}
