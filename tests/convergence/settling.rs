//! Settling: from whatever state a world begins, it is at rest after two steps.
//!
//! Every small world is tried; what lies between them in time is drawn.

use jiff::SignedDuration;
use mtls_operator::plan::identity::decide::{IssueReason, Plan};
use mtls_operator::plan::identity::world::SecretState;
use proptest::prelude::*;
use test_support::properties;

use super::model::{DAY, Model, NOW, because};
use super::worlds::{every_world, worlds};

fn is_at_rest_after_two_steps_and_one_leaf(mut model: Model) {
    let steps = [model.step(NOW), model.step(NOW)];
    assert!(steps.iter().filter_map(because).count() <= 1, "{steps:?}");
    assert_eq!(model.step(NOW), Plan::Keep, "{steps:?}");
}

fn a_leaf_is_not_followed_by_another(mut model: Model) {
    if because(&model.step(NOW)).is_some() {
        assert_eq!(model.step(NOW), Plan::Keep);
        let ready = model.decide(NOW).ready;
        assert!(ready.ready && !ready.stalled, "{ready:?}");
    }
}

fn moves_at_the_announced_second_and_not_before(mut model: Model) {
    (0..2).for_each(|_| drop(model.step(NOW)));
    let decision = model.decide(NOW);
    assert_eq!(&decision.plan, &Plan::Keep);
    if let Some(renewal) = decision.renewal {
        assert!(renewal > NOW, "announced for the past: {renewal}");
        let before = renewal - SignedDuration::from_secs(1);
        if before > NOW {
            assert_eq!(model.decide(before).plan, Plan::Keep);
        }
        let due = because(&model.decide(renewal.max(NOW)).plan);
        assert!(due == Some(IssueReason::Due) || model.signer.is_none(), "{due:?}");
    }
}

fn is_stalled_exactly_where_a_person_must_act(mut model: Model) {
    (0..2).for_each(|_| drop(model.step(NOW)));
    let is_refused = is_refused(&model);
    let is_cured_elsewhere = is_refused || matches!(model.secret, SecretState::Foreign(_));
    // What another object can cure needs manual action only after a while: the cure may come with the same change.
    for (stalls_at, has_stalled) in [(NOW + SignedDuration::from_secs(1), false), (NOW, true)] {
        model.stalls_at = stalls_at;
        let ready = model.decide(NOW).ready;
        let is_paused = model.asked.paused && !ready.ready && !is_cured_elsewhere;
        let must_act = is_paused || (is_cured_elsewhere && has_stalled);
        assert_eq!(ready.stalled, must_act, "{ready:?}");
        assert!(!(ready.stalled && ready.ready));
    }
}

fn what_is_paused_refused_or_foreign_gets_no_leaf(mut model: Model, days: i32) {
    let is_foreign = matches!(model.secret, SecretState::Foreign(_));
    let may_issue = !(is_refused(&model) || is_foreign || model.asked.paused || model.signer.is_none());
    if !may_issue {
        for now in [NOW, NOW, NOW + DAY * days] {
            drop(model.step(now));
        }
        assert_eq!(model.issued, 0);
    }
}

fn is_refused(model: &Model) -> bool {
    model.terms.is_some() && !model.asked.dns_names.is_empty()
}

#[test]
fn every_small_world_is_at_rest_after_two_steps_and_one_leaf() {
    let mut tried = 0;
    for model in every_world() {
        is_at_rest_after_two_steps_and_one_leaf(model.clone());
        a_leaf_is_not_followed_by_another(model);
        tried += 1;
    }
    println!("{tried} worlds");
}

#[test]
fn every_small_world_at_rest_moves_at_the_announced_second_and_not_before() {
    every_world().for_each(moves_at_the_announced_second_and_not_before);
}

#[test]
fn every_small_world_is_stalled_exactly_where_a_person_must_act() {
    for model in every_world() {
        is_stalled_exactly_where_a_person_must_act(model.clone());
        what_is_paused_refused_or_foreign_gets_no_leaf(model, 400);
    }
}

proptest! {
    #![proptest_config(properties::cases(env!("CARGO_CRATE_NAME"), 4000))]

    #[test]
    fn a_world_of_any_age_obeys_the_same_laws(model in worlds(), days in 0i32..400) {
        is_at_rest_after_two_steps_and_one_leaf(model.clone());
        a_leaf_is_not_followed_by_another(model.clone());
        moves_at_the_announced_second_and_not_before(model.clone());
        is_stalled_exactly_where_a_person_must_act(model.clone());
        what_is_paused_refused_or_foreign_gets_no_leaf(model, days);
    }
}
