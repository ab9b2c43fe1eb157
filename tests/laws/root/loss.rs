//! A lost root: what evidence of it stops, and when the loss counts as accepted.

use mtls_operator::plan::authority::ca_state::{Provided, RootSecret};
use mtls_operator::plan::authority::decide::decide;
use mtls_operator::plan::authority::decision::RootPlan;
use mtls_operator::plan::authority::evidence::Evidence;
use mtls_operator::plan::authority::reason::AuthorityReason;
use mtls_operator::plan::authority::world::{LossAcceptance, RootWorld};

use super::{a_leaf, every_provision, every_secret, keep, provided, sound, summary, world};

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
            assert_eq!(summary(&decision), keep(false, true, AuthorityReason::RootLost), "{secret:?}");
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
        assert_eq!(summary(&decide(&there)), keep(false, true, AuthorityReason::RootLost), "there is a root");
    }
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
fn a_loss_is_accepted_only_where_something_is_left_of_the_root_and_a_ca_can_sign() {
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
