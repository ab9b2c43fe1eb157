//! Laws of the quiet period: it counts only while no Secret lags, and restarts whenever that is in doubt.

use std::time::Duration;

use jiff::SignedDuration;
use mtls_operator::api::authority::Phase;
use mtls_operator::operator::authority::rotation::quiet_period::{Lag, RotationQuietPeriod};
use mtls_operator::operator::index::digest::digest;
use mtls_operator::operator::index::issuer::IssuerEntry;

use super::requeue::issuer_entry;

const NONE_BEHIND: Lag = Lag { is_behind: false, was_behind: false };
const NOW_BEHIND: Lag = Lag { is_behind: true, was_behind: true };
const WAS_BEHIND: Lag = Lag { is_behind: false, was_behind: true };

/// How long the quiet period has lasted after these observations, each a second after the one before.
fn quiet(observations: &[Lag]) -> Option<i64> {
    let mut quiet_period = RotationQuietPeriod::default();
    let mut quiet_for = None;
    for (second, lag) in (100..).zip(observations) {
        let now = Duration::from_secs(second);
        quiet_for = quiet_period.observe(Phase::Announced, &issuer_entry(), *lag, now).quiet_for;
    }
    quiet_for.map(|span| span.as_secs())
}

#[test]
fn the_quiet_period_begins_with_the_first_look_that_finds_no_secret_behind() {
    assert_eq!(quiet(&[NONE_BEHIND]), Some(0));
    assert_eq!(quiet(&[NONE_BEHIND, NONE_BEHIND, NONE_BEHIND]), Some(2));
    assert_eq!(quiet(&[NOW_BEHIND, NONE_BEHIND, NONE_BEHIND]), Some(1));
    assert_eq!(quiet(&[NONE_BEHIND, NONE_BEHIND, NOW_BEHIND]), None);
}

#[test]
fn a_secret_behind_between_two_looks_restarts_the_quiet_period() {
    assert_eq!(quiet(&[NONE_BEHIND, NONE_BEHIND, WAS_BEHIND]), Some(0));
    assert_eq!(quiet(&[NONE_BEHIND, WAS_BEHIND, NONE_BEHIND]), Some(1));
}

#[test]
fn another_phase_signer_or_bundle_restarts_the_quiet_period() {
    type Other = (Phase, fn(&mut IssuerEntry));
    let others: [Other; 4] = [
        (Phase::Draining, |_| ()),
        (Phase::Announced, |mark| mark.trust = digest("t2")),
        (Phase::Announced, |mark| mark.key_id = digest("a2")),
        (Phase::Announced, |_| ()),
    ];
    let expected = [Some(0), Some(0), Some(0), Some(9)];
    for ((phase, change), expected) in others.into_iter().zip(expected) {
        let mut quiet_period = RotationQuietPeriod::default();
        let mut look = |phase, mark: &IssuerEntry, second| {
            let observed = quiet_period.observe(phase, mark, NONE_BEHIND, Duration::from_secs(second));
            observed.quiet_for.map(|span| span.as_secs())
        };
        assert_eq!(look(Phase::Announced, &issuer_entry(), 1), Some(0));
        let mut mark = issuer_entry();
        change(&mut mark);
        assert_eq!(look(phase, &mark, 10), expected);
    }
}

#[test]
fn a_list_that_disagrees_restarts_the_quiet_period() {
    let mut quiet_period = RotationQuietPeriod::default();
    let look = |quiet_period: &mut RotationQuietPeriod, second| {
        let now = Duration::from_secs(second);
        quiet_period.observe(Phase::Draining, &issuer_entry(), NONE_BEHIND, now).quiet_for
    };
    assert_eq!(look(&mut quiet_period, 1), Some(SignedDuration::ZERO));
    assert_eq!(look(&mut quiet_period, 9), Some(SignedDuration::from_secs(8)));
    quiet_period.restart();
    assert_eq!(look(&mut quiet_period, 10), Some(SignedDuration::ZERO));
}

#[test]
fn a_list_that_confirms_nothing_is_made_again_ever_later_until_something_changes() {
    let (mut rotation, propagation) = (RotationQuietPeriod::default(), Duration::from_secs(40));
    let look = |rotation: &mut RotationQuietPeriod, phase| {
        let _ = rotation.observe(phase, &issuer_entry(), NONE_BEHIND, Duration::ZERO);
    };
    let fail = |rotation: &mut RotationQuietPeriod, second| {
        rotation.failed_to_confirm("why".into(), propagation, Duration::from_secs(second));
    };
    let held_back = |rotation: &RotationQuietPeriod, second| {
        rotation.unconfirmed(Duration::from_secs(second)).map(str::to_owned)
    };
    fail(&mut rotation, 0);
    assert_eq!(held_back(&rotation, 0), None, "there is no rotation");
    look(&mut rotation, Phase::Draining);
    let mut second = 100;
    for pause in [10, 20, 40, 40] {
        fail(&mut rotation, second);
        assert_eq!(held_back(&rotation, second + pause - 1), Some("why".into()));
        assert_eq!(held_back(&rotation, second + pause), None);
        second += pause;
    }
    fail(&mut rotation, second);
    look(&mut rotation, Phase::Announced);
    assert_eq!(held_back(&rotation, second), None, "it is another change");
    fail(&mut rotation, second);
    rotation.restart();
    assert_eq!(held_back(&rotation, second + 10), None, "it begins with a quarter again");
}
