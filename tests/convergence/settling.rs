//! From wherever a world begins, it is at rest after two steps.

use jiff::SignedDuration;
use mtls_operator::pki::Validity;
use mtls_operator::plan::identity::decide::{IssueReason, Plan};
use mtls_operator::plan::identity::profile::{AuthoritySpecHash, IdentitySpecHash, ProfileHash};
use mtls_operator::plan::identity::world::{LeafDefect, OwnedSecret, SecretState, StoredLeaf};
use proptest::prelude::*;

use super::model::{DAY, Model, NOW, asked, because, terms};

fn leaves() -> impl Strategy<Value = Result<StoredLeaf, LeafDefect>> {
    let damages = [
        LeafDefect::CertificateUnreadable,
        LeafDefect::KeyUnreadable,
        LeafDefect::KeyMismatch,
        LeafDefect::Untrusted,
        LeafDefect::Unsound,
        LeafDefect::NotYetValid,
    ];
    // Issued up to a week ago, or by a clock that was up to a day ahead, for an hour to a week, by this signer or by another.
    let sound =
        (-86_400i64..7 * 86_400, 3600i64..7 * 86_400, any::<bool>()).prop_map(|(age, lifetime, is_ours)| {
            let issued_at = NOW - SignedDuration::from_secs(age);
            let not_after = issued_at + SignedDuration::from_secs(lifetime);
            let window = Validity { not_before: issued_at - SignedDuration::from_mins(5), not_after };
            let key_id = if is_ours { "a1" } else { "a0" }.into();
            Ok(StoredLeaf { serial: "old".into(), window, key_id, issued_at })
        });
    prop_oneof![3 => sound, 1 => proptest::sample::select(damages.to_vec()).prop_map(Err)]
}

fn profiles() -> impl Strategy<Value = Option<ProfileHash>> {
    let hash = |asked: &_| ProfileHash::of(IdentitySpecHash::of(asked), AuthoritySpecHash::of(&terms()));
    let mut other = asked();
    other.services.push("other".into());
    proptest::sample::select(vec![None, Some(hash(&asked())), Some(hash(&other))])
}

fn requests() -> impl Strategy<Value = Option<String>> {
    proptest::sample::select(vec![None, Some("monday".to_owned()), Some("tuesday".to_owned())])
}

fn secrets() -> impl Strategy<Value = SecretState> {
    let trusts = proptest::sample::select(vec![None, Some("t0".to_owned()), Some("t1".to_owned())]);
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    let held = (leaves(), profiles(), trusts, requests(), flags).prop_map(
        |(leaf, profile, trust, renew_request, (carries_uid, matches_profile, metadata_is_current))| {
            SecretState::Held(OwnedSecret {
                version: "w0".into(),
                carries_uid,
                leaf,
                profile,
                matches_profile,
                trust,
                metadata_is_current,
                renew_request,
            })
        },
    );
    prop_oneof![1 => Just(SecretState::Absent), 1 => Just(SecretState::Foreign("Bob's".into())), 8 => held]
}

/// Small worlds: with and without authority, signer, permission; paused or not; whatever lies in the Secret.
fn worlds() -> impl Strategy<Value = Model> {
    let has = proptest::bool::weighted(0.8);
    (secrets(), requests(), proptest::bool::weighted(0.2), has, has, has).prop_map(
        |(secret, renew_request, paused, has_terms, has_signer, is_permitted)| {
            let mut model = Model::new(asked(), terms());
            model.secret = secret;
            model.asked.renew_request = renew_request;
            model.asked.paused = paused;
            if !is_permitted {
                model.asked.dns_names.push("example.com".into());
            }
            if !has_signer || !has_terms {
                model.signer = None;
            }
            if !has_terms {
                model.terms = None;
            }
            model
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_world_is_at_rest_after_two_steps_and_one_leaf(mut model in worlds()) {
        let steps = [model.step(NOW), model.step(NOW)];
        prop_assert!(steps.iter().filter_map(because).count() <= 1, "{steps:?}");
        prop_assert_eq!(model.step(NOW), Plan::Keep, "{:?}", steps);
    }

    #[test]
    fn a_leaf_is_never_followed_by_another(mut model in worlds()) {
        if because(&model.step(NOW)).is_some() {
            prop_assert_eq!(model.step(NOW), Plan::Keep);
            let standing = model.decide(NOW).standing;
            prop_assert!(standing.ready && !standing.stalled, "{:?}", standing);
        }
    }

    #[test]
    fn a_world_at_rest_moves_at_the_announced_second_and_not_before(mut model in worlds()) {
        (0..2).for_each(|_| drop(model.step(NOW)));
        let decision = model.decide(NOW);
        prop_assert_eq!(&decision.plan, &Plan::Keep);
        if let Some(renewal) = decision.renewal {
            prop_assert!(renewal > NOW, "announced for the past: {}", renewal);
            let before = renewal - SignedDuration::from_secs(1);
            if before > NOW {
                prop_assert_eq!(model.decide(before).plan, Plan::Keep);
            }
            let due = because(&model.decide(renewal.max(NOW)).plan);
            prop_assert!(due == Some(IssueReason::Due) || model.signer.is_none(), "{:?}", due);
        }
    }

    #[test]
    fn a_person_who_must_act_is_told_and_nobody_else(mut model in worlds()) {
        (0..2).for_each(|_| drop(model.step(NOW)));
        let is_refused = model.terms.is_some() && !model.asked.dns_names.is_empty();
        let is_cured_elsewhere = is_refused || matches!(model.secret, SecretState::Foreign(_));
        // What another object can cure needs a person only after a while: the cure may come with the same change.
        for (stalls_at, has_stalled) in [(NOW + SignedDuration::from_secs(1), false), (NOW, true)] {
            model.stalls_at = stalls_at;
            let standing = model.decide(NOW).standing;
            let is_paused = model.asked.paused && !standing.ready && !is_cured_elsewhere;
            let must_act = is_paused || (is_cured_elsewhere && has_stalled);
            prop_assert_eq!(standing.stalled, must_act, "{:?}", standing);
            prop_assert!(!(standing.stalled && standing.ready));
        }
    }

    #[test]
    fn what_is_paused_refused_or_foreign_never_gets_a_leaf(mut model in worlds(), days in 0i32..400) {
        let is_refused = model.terms.is_some() && !model.asked.dns_names.is_empty();
        let is_foreign = matches!(model.secret, SecretState::Foreign(_));
        let may_issue = !(is_refused || is_foreign || model.asked.paused || model.signer.is_none());
        for now in [NOW, NOW + DAY * days] {
            (0..3).for_each(|_| drop(model.step(now)));
        }
        prop_assert!(may_issue || model.issued == 0);
    }
}
