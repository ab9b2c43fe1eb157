//! A CA that people provide: copied when it is sound, and signed with whatever becomes of its Secret.

use mtls_operator::plan::authority::ca_state::{CaState, Provided, RootSecret};
use mtls_operator::plan::authority::decide::decide;
use mtls_operator::plan::authority::decision::RootPlan;
use mtls_operator::plan::authority::origin::Origin;
use mtls_operator::plan::authority::reason::AuthorityReason;
use mtls_operator::plan::authority::transition::{Cause, Transition};

use super::{change, keep, provided, sound, summary, world};

#[test]
fn a_first_provided_ca_is_copied_once_it_is_there_and_sound() {
    let rows = [
        (provided("f1", "anchors-1"), (RootPlan::Copy, false, false, AuthorityReason::Ready)),
        (Provided::Missing("why".into()), keep(false, true, AuthorityReason::ProvidedMissing)),
        (Provided::Invalid("why".into()), keep(false, true, AuthorityReason::ProvidedInvalid)),
    ];
    for (provided, expected) in rows {
        assert_eq!(summary(&decide(&world(RootSecret::Absent, provided.clone()))), expected, "{provided:?}");
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
        assert_eq!(summary(&decision), expected, "{provided:?}");
        assert_eq!(decision.stalled, decision.message.ends_with("Signing goes on with the copy in force"));
    }
}

#[test]
fn a_generated_root_is_exchanged_for_a_provided_one_once_that_is_there() {
    let decision = decide(&world(RootSecret::Sound(sound()), provided("f2", "anchors-2")));
    assert_eq!(summary(&decision), announced(Origin::Provided));
    let rows = [
        (Provided::Missing("why".into()), AuthorityReason::ProvidedMissing),
        (Provided::Invalid("why".into()), AuthorityReason::ProvidedInvalid),
    ];
    for (provided, reason) in rows {
        let decision = decide(&world(RootSecret::Sound(sound()), provided));
        assert_eq!(summary(&decision), keep(true, true, reason));
        assert!(decision.message.contains("why"), "{}", decision.message);
        assert!(decision.message.ends_with("with the generated root in force"), "{}", decision.message);
    }
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
