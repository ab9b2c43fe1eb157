//! Laws of the rotation: each transition has its own moment, and none comes a second early.

use jiff::{SignedDuration, Timestamp};
use mtls_operator::api::authority::Phase;
use mtls_operator::plan::authority::ca_state::{CaState, NextCa, Provided};
use mtls_operator::plan::authority::distrust::DistrustReason;
use mtls_operator::plan::authority::origin::Origin;
use mtls_operator::plan::authority::quiet_period::Distribution;
use mtls_operator::plan::authority::retiring_root::RetiringRoot;
use mtls_operator::plan::authority::rotation::transition;
use mtls_operator::plan::authority::rotation_inputs::RotationInputs;
use mtls_operator::plan::authority::safeguards::Safeguards;
use mtls_operator::plan::authority::timing::forced_at;
use mtls_operator::plan::authority::transition::{Cause, Transition};

use super::fixture::{DAY, HOUR, MINUTE, NOW};
use super::root::{inputs, provided, sound};

pub const SECOND: SignedDuration = SignedDuration::from_secs(1);

fn next(is_certified: bool) -> NextCa {
    NextCa {
        fingerprint: "f2".repeat(32),
        anchors: "anchors-2".into(),
        origin: Origin::Generated,
        distrusted: None,
        is_certified,
    }
}

pub fn announced() -> CaState {
    CaState { phase: Phase::Announced, since: NOW - HOUR, next: Some(next(true)), ..sound() }
}

fn draining(until: Timestamp) -> CaState {
    let retiring =
        vec![RetiringRoot { fingerprint: "f0".into(), distrusted: None, until, ..RetiringRoot::default() }];
    CaState { phase: Phase::Draining, since: NOW - HOUR, retiring, ..sound() }
}

fn seen(quiet_for: Option<SignedDuration>) -> RotationInputs {
    RotationInputs { distribution: Distribution { quiet_for }, ..inputs(Provided::NotAsked) }
}

fn at(now: Timestamp) -> RotationInputs {
    RotationInputs { now, ..seen(None) }
}

const DUE: Transition = Transition::Announce(Origin::Generated, Cause::Due);
const SWITCH: Transition = Transition::Switch { is_forced: false };
const FORCED: Transition = Transition::Switch { is_forced: true };

#[test]
fn a_generated_root_is_replaced_when_its_margin_begins() {
    let begin = sound().window.not_after - DAY * 100;
    assert_eq!(transition(&sound(), &at(begin - SECOND)), None);
    assert_eq!(transition(&sound(), &at(begin)), Some(DUE));
    let copy = CaState { origin: Origin::Provided, ..sound() };
    let same = RotationInputs { now: begin, ..inputs(provided("f1", "anchors-1")) };
    assert_eq!(transition(&copy, &same), None, "people make the successor of what they provide");
}

#[test]
fn a_request_rotates_once_per_value_and_never_a_provided_ca() {
    let asked = |value: Option<&str>| RotationInputs { request: value.map(str::to_owned), ..seen(None) };
    let answered = CaState { rotate_request: Some("1".into()), ..sound() };
    let requested = Some(Transition::Announce(Origin::Generated, Cause::Requested));
    assert_eq!(transition(&sound(), &asked(Some("1"))), requested);
    assert_eq!(transition(&answered, &asked(Some("1"))), None);
    assert_eq!(transition(&answered, &asked(Some("2"))), requested);
    assert_eq!(transition(&answered, &asked(None)), None);
    let copy = CaState { origin: Origin::Provided, ..sound() };
    let request = RotationInputs { request: Some("1".into()), ..inputs(provided("f1", "anchors-1")) };
    assert_eq!(transition(&copy, &request), None);
}

#[test]
fn a_second_rotation_waits_for_the_first() {
    let due = sound().window.not_after - DAY * 100;
    let requested = |around: &RotationInputs| RotationInputs { request: Some("2".into()), ..around.clone() };
    for root in [announced(), draining(NOW + HOUR)] {
        for quiet_for in [None, Some(MINUTE - SECOND), Some(HOUR)] {
            for now in [NOW, NOW + HOUR, due] {
                let around = RotationInputs { now, ..seen(quiet_for) };
                let change = transition(&root, &requested(&around));
                assert!(!matches!(change, Some(Transition::Announce(..))), "{:?} at {now}", root.phase);
                assert_eq!(change, transition(&root, &around), "the request changes the rotation under way");
            }
        }
    }
    let next = Some(Transition::Announce(Origin::Generated, Cause::Requested));
    assert_eq!(transition(&sound(), &requested(&seen(None))), next, "it begins when the first is over");
}

#[test]
fn the_next_root_signs_after_no_secret_was_behind_for_the_whole_propagation() {
    let rows = [
        (None, None),
        (Some(SignedDuration::ZERO), None),
        (Some(MINUTE - SECOND), None),
        (Some(MINUTE), Some(SWITCH)),
    ];
    for (quiet_for, expected) in rows {
        assert_eq!(transition(&announced(), &seen(quiet_for)), expected, "{quiet_for:?}");
    }
}

#[test]
fn the_switch_happens_in_any_case_where_the_next_root_is_certified() {
    let root = announced();
    let forced = forced_at(&root, MINUTE);
    assert_eq!(transition(&root, &at(forced - SECOND)), None);
    assert_eq!(transition(&root, &at(forced)), Some(FORCED));
}

/// F₁: a consumer that is behind is refused after the switch, and so is given longer.
#[test]
fn without_a_cross_certificate_the_switch_is_forced_in_the_middle_of_what_is_left_then() {
    let root = announced();
    let uncertified = CaState { next: Some(next(false)), ..root.clone() };
    let (early, end) = (forced_at(&root, MINUTE), root.window.not_after);
    let forced = forced_at(&uncertified, MINUTE);
    assert_eq!(forced, early + end.duration_since(early) / 2);
    assert_eq!(transition(&uncertified, &at(forced - SECOND)), None);
    assert_eq!(transition(&uncertified, &at(forced)), Some(FORCED));
}

#[test]
fn other_anchors_of_the_same_signer_wait_for_the_end_of_a_rotation() {
    let inputs = inputs(provided("f1", "anchors-2"));
    assert_eq!(transition(&sound(), &inputs), Some(Transition::Replace));
    assert_eq!(transition(&draining(NOW + HOUR), &inputs), None);
}

#[test]
fn an_announced_root_that_is_no_longer_wanted_is_withdrawn() {
    let provided_next = NextCa { origin: Origin::Provided, ..next(true) };
    let with_provided = CaState { next: Some(provided_next), ..announced() };
    let gone = CaState { next: None, ..announced() };
    let rows = [
        (&with_provided, inputs(Provided::NotAsked), Some(Transition::Withdraw)),
        (&with_provided, inputs(provided("f3", "anchors-3")), Some(Transition::Withdraw)),
        (&with_provided, inputs(provided("f1", "anchors-1")), Some(Transition::Withdraw)),
        (&with_provided, inputs(provided("f2", "anchors-2")), None),
        (&with_provided, inputs(Provided::Missing("why".into())), None),
        (&with_provided, inputs(Provided::Invalid("why".into())), None),
        (&announced(), inputs(provided("f2", "anchors-2")), None),
        (&announced(), inputs(provided("f3", "anchors-3")), Some(Transition::Withdraw)),
        (&gone, seen(Some(HOUR)), Some(Transition::Withdraw)),
    ];
    for (root, inputs, expected) in rows {
        assert_eq!(transition(root, &inputs), expected, "{:?}", inputs.provided);
    }
}

#[test]
fn a_former_root_is_trusted_until_its_bound_has_passed_and_its_leaves_were_gone_for_long() {
    let dropped = Some(Transition::Drop(vec!["f0".into()]));
    let rows = [
        (NOW, Some(MINUTE), dropped),
        (NOW + SECOND, Some(MINUTE), None),
        (NOW, Some(MINUTE - SECOND), None),
        (NOW, None, None),
    ];
    for (until, quiet_for, expected) in rows {
        assert_eq!(transition(&draining(until), &seen(quiet_for)), expected, "{until} {quiet_for:?}");
    }
}

#[test]
fn of_two_former_roots_each_goes_in_its_own_time() {
    let late = RetiringRoot {
        fingerprint: "f00".into(),
        distrusted: None,
        until: NOW + HOUR,
        ..RetiringRoot::default()
    };
    let mut root = draining(NOW);
    root.retiring.push(late);
    let inputs = seen(Some(MINUTE));
    assert_eq!(transition(&root, &inputs), Some(Transition::Drop(vec!["f0".into()])));
}

#[test]
fn a_longer_lifetime_is_recorded_before_anything_else() {
    for root in [sound(), announced(), draining(NOW)] {
        let short = CaState { max_leaf_ttl: 599, ..root };
        assert_eq!(transition(&short, &seen(Some(HOUR))), Some(Transition::RaiseMaxLeafTtl));
    }
}

#[test]
fn a_distrusted_root_goes_at_once_though_leaves_still_need_it() {
    let distrusted_next = NextCa { distrusted: Some(DistrustReason::Named), ..next(true) };
    let generated = CaState { next: Some(distrusted_next.clone()), ..announced() };
    let another = Transition::Announce(Origin::Generated, Cause::Distrust);
    assert_eq!(transition(&generated, &seen(Some(HOUR))), Some(another));
    let provided_next = NextCa { origin: Origin::Provided, ..distrusted_next };
    let with_provided = CaState { next: Some(provided_next), ..announced() };
    assert_eq!(transition(&with_provided, &seen(Some(HOUR))), Some(Transition::Withdraw));
    let mut root = draining(NOW + HOUR);
    root.retiring[0].distrusted = Some(DistrustReason::Named);
    let dropped = Transition::Drop(vec!["f0".into()]);
    assert_eq!(transition(&root, &seen(None)), Some(dropped.clone()));
    assert!(
        !dropped.rests_on_distribution(&root, Safeguards::ALL),
        "a distrusted root is dropped whatever Secrets hold"
    );
    root.retiring[0].distrusted = None;
    assert!(dropped.rests_on_distribution(&root, Safeguards::ALL));
}
