//! Long runs, years of simulated time: leaves are renewed when they must be, never later, and hardly ever sooner.

use jiff::{SignedDuration, Timestamp};
use mtls_operator::pki::KeyAlgorithm;
use mtls_operator::plan::identity::decide::{IssueReason, Plan};
use mtls_operator::plan::identity::policy::authorize;
use mtls_operator::plan::identity::ready::ReadyReason;
use mtls_operator::plan::identity::world::LeafDefect;
use mtls_operator::plan::selector::Labels;
use proptest::prelude::*;
use test_support::properties;

use super::model::{DAY, Model, NOW, SECOND, YEAR, asked, because, terms};

/// Everything that policy accepts: lifetimes of a minute to a month, margins from `propagation` to half of it.
fn accepted() -> impl Strategy<Value = Model> {
    let propagation = 10i64..600;
    let asks = (propagation, 0.0f64..1.0, proptest::option::of(0.0f64..=1.0), any::<bool>());
    let kinds = (proptest::sample::select(&KeyAlgorithm::ALL[..]), "[a-f0-9]{8}");
    (asks, kinds).prop_map(|((propagation, length, margin, is_asked), (algorithm, uid))| {
        let shortest = if margin.is_some() { 2 * propagation } else { 3 * propagation }.max(60);
        let ttl = between(shortest, 30 * 86_400, length.powi(4));
        let mut terms = terms();
        terms.propagation = SignedDuration::from_secs(propagation);
        terms.max_leaf_ttl = DAY * 30;
        let mut asked = asked();
        (asked.algorithm, asked.uid) = (algorithm, uid);
        asked.renew_before =
            margin.map(|margin| SignedDuration::from_secs(between(propagation, ttl / 2, margin)));
        if is_asked {
            asked.ttl = Some(SignedDuration::from_secs(ttl));
        } else {
            terms.leaf_ttl = SignedDuration::from_secs(ttl);
        }
        Model::new(asked, terms)
    })
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "any number between will do"
)]
fn between(low: i64, high: i64, part: f64) -> i64 {
    low + ((high - low) as f64 * part) as i64
}

fn ttl(model: &Model) -> SignedDuration {
    authorize(&model.asked, model.terms.as_ref().unwrap(), &Labels::new()).unwrap().ttl
}

/// Renews once, at the announced second, and returns that second.
fn renew(model: &mut Model) -> Timestamp {
    let issued_at = model.leaf().issued_at;
    let renewal = model.decide(issued_at).renewal.unwrap();
    assert_eq!(model.decide(renewal - SECOND).plan, Plan::Keep);
    assert!(model.leaf().window.not_after > renewal, "renewed after its end");
    assert_eq!(because(&model.step(renewal)), Some(IssueReason::Due));
    assert_eq!(model.step(renewal), Plan::Keep, "renewed twice at once");
    renewal
}

proptest! {
    #![proptest_config(properties::cases(env!("CARGO_CRATE_NAME"), 300))]

    #[test]
    fn leaves_are_renewed_in_time_for_every_pod_and_no_sooner_than_needed(mut model in accepted()) {
        let (ttl, propagation) = (ttl(&model), model.terms.as_ref().unwrap().propagation);
        let margin = model.asked.renew_before.unwrap_or(ttl / 3);
        prop_assert_eq!(because(&model.step(NOW)), Some(IssueReason::New));
        let end = (NOW + ttl * 200).min(NOW + YEAR - ttl);
        let mut before = NOW;
        while before < end {
            let left = model.leaf().window.not_after;
            let now = renew(&mut model);
            prop_assert!(left.duration_since(now) >= propagation, "Pods could still hold the expired leaf");
            prop_assert!(left.duration_since(now) >= margin - SECOND, "renewed later than asked");
            prop_assert!(now.duration_since(before) >= ttl / 2 - ttl / 10 - SECOND, "renewed for nothing");
            prop_assert!(now.duration_since(before) >= ttl - margin - ttl / 10 - SECOND, "renewed for nothing");
            before = now;
        }
        let required = before.duration_since(NOW).as_secs() / (ttl - margin).as_secs();
        let allowed = before.duration_since(NOW).as_secs() / (ttl - margin - ttl / 10 - SECOND).as_secs() + 1;
        prop_assert!((required..=allowed).contains(&i64::from(model.issued - 1)), "{} leaves", model.issued);
    }

    #[test]
    fn the_last_leaf_ends_with_its_signer_and_is_kept_to_the_end(mut model in accepted(), part in 0.0f64..1.0) {
        let ttl = ttl(&model);
        let root_end = NOW + SignedDuration::from_secs(between(1, ttl.as_secs() * 5, part));
        model.signer.as_mut().unwrap().window.not_after = root_end;
        prop_assert!(because(&model.step(NOW)).is_some());
        while !model.leaf().facts(&model.asked).ends_with(model.signer.as_ref().unwrap()) {
            renew(&mut model);
            prop_assert!(model.issued < 20, "it is renewed for ever");
        }
        let issued = model.issued;
        prop_assert_eq!(model.decide(model.leaf().issued_at).renewal, None);
        for now in [root_end - SECOND, root_end, root_end + SECOND, root_end + YEAR] {
            prop_assert_eq!(model.step(now), Plan::Keep, "{}", now);
        }
        prop_assert_eq!(model.issued, issued);
        prop_assert_eq!(model.decide(root_end).ready.reason, ReadyReason::Issued);
        prop_assert_eq!(model.decide(root_end + SECOND).ready.reason, ReadyReason::Expired);
    }

    #[test]
    fn an_operator_that_was_away_renews_once_and_not_once_for_each_missed_time(mut model in accepted(), lifetimes in 1i32..50) {
        model.step(NOW);
        let ttl = ttl(&model);
        let now = (NOW + ttl * lifetimes + SECOND).min(NOW + YEAR - ttl);
        prop_assume!(now > model.leaf().window.not_after);
        prop_assert_eq!(because(&model.step(now)), Some(IssueReason::Expired));
        prop_assert_eq!(model.step(now), Plan::Keep);
    }

    #[test]
    fn a_clock_that_steps_back_by_more_than_leaves_are_dated_back_issues_once(
        mut model in accepted(), back in prop_oneof![1i64..600, 1i64..86_400 * 30],
    ) {
        model.step(NOW);
        let now = NOW - SignedDuration::from_secs(back);
        let signs = now >= model.signer.as_ref().unwrap().window.not_before;
        let again = (back > 300 && signs).then_some(IssueReason::Damaged(LeafDefect::NotYetValid));
        prop_assert_eq!(because(&model.step(now)), again);
        prop_assert_eq!(model.step(now), Plan::Keep);
    }
}

#[test]
fn a_year_of_daily_leaves_costs_between_548_and_645() {
    let mut model = Model::new(asked(), terms());
    model.signer.as_mut().unwrap().window.not_after = NOW + YEAR * 2;
    model.step(NOW);
    while renew(&mut model) < NOW + YEAR {}
    // A third of a day before the end, up to a tenth of a day sooner: every 13.6 to 16 hours.
    assert!((548..=645).contains(&model.issued), "{}", model.issued);
}
