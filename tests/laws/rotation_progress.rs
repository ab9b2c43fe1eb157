//! Laws of what status says of a rotation: each request is answered, and a phase that cannot be known is not reported.

use mtls_operator::api::authority::Phase;
use mtls_operator::plan::authority::ca_state::{CaState, NextCa, Provided, RootSecret};
use mtls_operator::plan::authority::decide::decide;
use mtls_operator::plan::authority::distrust::DistrustReason;
use mtls_operator::plan::authority::origin::Origin;
use mtls_operator::plan::authority::progress::{
    Deferred, PendingRequest, RotationProgress, deferred, progress,
};
use mtls_operator::plan::authority::reason::AuthorityReason;
use mtls_operator::plan::authority::rotation::transition;
use mtls_operator::plan::authority::rotation_inputs::RotationInputs;
use mtls_operator::plan::authority::transition::Transition;
use mtls_operator::plan::authority::world::RootWorld;

use super::root::{a_leaf, inputs, provided, sound, world};

fn asked(value: Option<&str>, provided: Provided) -> RotationInputs {
    RotationInputs { request: value.map(str::to_owned), ..inputs(provided) }
}

fn said(root: CaState, inputs: RotationInputs) -> RotationProgress {
    let world = RootWorld { inputs, ..world(RootSecret::Sound(root), Provided::NotAsked) };
    progress(&world, &decide(&world))
}

fn copy() -> CaState {
    CaState { origin: Origin::Provided, ..sound() }
}

/// The root, in a rotation that goes to another one.
fn announced(root: CaState, origin: Origin) -> CaState {
    let next = NextCa {
        fingerprint: "f2".repeat(32),
        anchors: "anchors-2".into(),
        origin,
        distrusted: None,
        is_certified: true,
    };
    CaState { phase: Phase::Announced, next: Some(next), ..root }
}

/// The root, once it signs in the place of another one.
fn draining(root: CaState) -> CaState {
    CaState { phase: Phase::Draining, ..root }
}

const QUIET: RotationProgress = RotationProgress::Known(None);
const AFTER_THIS: RotationProgress = RotationProgress::Known(Some(PendingRequest::Queued));
const ONLY_PEOPLE: RotationProgress = RotationProgress::Known(Some(PendingRequest::NotRotatable));

#[test]
fn without_a_new_request_nothing_is_reported() {
    for root in [sound(), announced(sound(), Origin::Generated), draining(sound())] {
        let answered = CaState { rotate_request: Some("1".into()), ..root };
        for value in [None, Some("1")] {
            assert_eq!(said(answered.clone(), asked(value, Provided::NotAsked)), QUIET, "{value:?}");
            let answered = CaState { origin: Origin::Provided, ..answered.clone() };
            let same = if answered.next.is_some() { "f2" } else { "f1" };
            assert_eq!(said(answered, asked(value, provided(same, "anchors-1"))), QUIET, "{value:?}");
        }
    }
}

#[test]
fn a_rotation_that_is_asked_for_during_another_is_reported_as_queued() {
    for root in [announced(sound(), Origin::Generated), draining(sound())] {
        let answered = CaState { rotate_request: Some("1".into()), ..root };
        assert_eq!(said(answered, asked(Some("2"), Provided::NotAsked)), AFTER_THIS);
    }
}

#[test]
fn a_rotation_that_begins_now_is_not_reported_as_pending() {
    assert_eq!(said(sound(), asked(Some("1"), Provided::NotAsked)), QUIET);
}

#[test]
fn a_rotate_request_for_a_provided_ca_is_reported_as_not_rotatable() {
    let same = || provided("f1", "anchors-1");
    for given in [same(), Provided::Missing("why".into()), Provided::Invalid("why".into())] {
        for root in [copy(), draining(copy())] {
            assert_eq!(
                said(root.clone(), asked(Some("1"), given.clone())),
                ONLY_PEOPLE,
                "{given:?} {root:?}"
            );
        }
    }
}

#[test]
fn the_origin_of_the_root_that_the_rotation_ends_with_decides() {
    let rows = [
        (announced(sound(), Origin::Provided), provided("f2", "anchors-2"), ONLY_PEOPLE),
        (announced(copy(), Origin::Provided), provided("f2", "anchors-2"), ONLY_PEOPLE),
        (announced(sound(), Origin::Provided), Provided::Missing("why".into()), ONLY_PEOPLE),
        (announced(copy(), Origin::Generated), Provided::NotAsked, AFTER_THIS),
        (announced(copy(), Origin::Generated), Provided::Invalid("why".into()), AFTER_THIS),
        // The CA that people have provided meanwhile follows in the next rotation.
        (draining(copy()), provided("f3", "anchors-3"), AFTER_THIS),
    ];
    for (root, given, expected) in rows {
        assert_eq!(said(root.clone(), asked(Some("1"), given.clone())), expected, "{given:?} {root:?}");
    }
}

#[test]
fn what_is_reported_of_a_request_is_what_is_done_with_it() {
    for given in [Provided::NotAsked, provided("f1", "anchors-1"), Provided::Invalid("why".into())] {
        for root in [sound(), copy()] {
            let inputs = asked(Some("1"), given.clone());
            let begins = matches!(transition(&root, &inputs), Some(Transition::Announce(..)));
            let expected = if begins { AFTER_THIS } else { ONLY_PEOPLE };
            assert_eq!(said(draining(root.clone()), inputs), expected, "{given:?} {root:?}");
        }
    }
}

#[test]
fn of_roots_that_are_lost_or_cannot_be_read_the_phase_is_unknown() {
    let lost = RootWorld {
        evidence: Some(a_leaf()),
        ..world(RootSecret::Sound(announced(sound(), Origin::Generated)), Provided::NotAsked)
    };
    let rows = [
        (lost, AuthorityReason::RootLost),
        (world(RootSecret::Invalid("why".into()), Provided::NotAsked), AuthorityReason::RootInvalid),
        (world(RootSecret::NotOurs("why".into()), Provided::NotAsked), AuthorityReason::RootInvalid),
        (
            world(RootSecret::OtherTrustDomain("why".into()), Provided::NotAsked),
            AuthorityReason::TrustDomainMismatch,
        ),
    ];
    for (world, reason) in rows {
        let course = progress(&world, &decide(&world));
        assert_eq!(course, RotationProgress::Unknown(reason));
        assert!(!course.is_known());
    }
}

#[test]
fn where_nothing_is_signed_and_the_roots_are_known_the_rotation_only_halts() {
    let distrusted = CaState { distrusted: Some(DistrustReason::Named), ..copy() };
    for secret in [RootSecret::Absent, RootSecret::Expired(copy()), RootSecret::Sound(distrusted)] {
        let world = world(secret.clone(), Provided::Invalid("why".into()));
        assert_eq!(progress(&world, &decide(&world)), RotationProgress::Halted, "{secret:?}");
    }
}

#[test]
fn what_people_change_during_a_rotation_is_reported_as_queued() {
    let other_anchors = || provided("f1", "anchors-2");
    let of_next = || provided("f2", "anchors-3");
    let rows = [
        (copy(), other_anchors(), None),
        (draining(copy()), provided("f1", "anchors-1"), None),
        (draining(copy()), other_anchors(), Some(Deferred::Anchors)),
        (draining(copy()), provided("f3", "anchors-3"), Some(Deferred::Ca)),
        (draining(copy()), Provided::NotAsked, Some(Deferred::Removal)),
        (draining(sound()), Provided::NotAsked, None),
        (draining(copy()), Provided::Invalid("why".into()), None),
        (draining(copy()), Provided::Missing("why".into()), None),
        (announced(copy(), Origin::Provided), provided("f2", "anchors-2"), None),
        (announced(copy(), Origin::Provided), of_next(), Some(Deferred::Anchors)),
        (announced(copy(), Origin::Generated), Provided::NotAsked, None),
    ];
    for (root, given, expected) in rows {
        assert_eq!(deferred(&root, &inputs(given.clone())), expected, "{given:?} {root:?}");
    }
}
