//! Warnings: changes that break connections, and a provided CA that ends without a successor.

use mtls_operator::api::authority::Phase;
use mtls_operator::plan::authority::ca_state::{CaState, NextCa, Provided, RootSecret};
use mtls_operator::plan::authority::decide::decide;
use mtls_operator::plan::authority::decision::{RootDecision, RootPlan};
use mtls_operator::plan::authority::origin::Origin;
use mtls_operator::plan::authority::transition::{Cause, NextRoot, Transition};
use mtls_operator::plan::authority::warning::disruption_warning;

use super::{change, provided, sound, world};
use crate::fixture::{DAY, MINUTE, NOW};

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
fn people_are_told_of_the_end_of_their_ca_before_it_shortens_certificates() {
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
