//! Laws of the observed distribution: the clock runs only while nobody is behind, and starts anew with every doubt.

use std::time::Duration;

use jiff::SignedDuration;
use mtls_operator::api::authority::Phase;
use mtls_operator::operator::attention::SignerMark;
use mtls_operator::operator::entry::{SeenSecret, digest};
use mtls_operator::operator::sight::{Sights, is_behind};
use mtls_operator::plan::spread::{Step, fraction, turn};

use super::attention::{secret, signer_mark};
use super::fixture::{HOUR, NOW};

const NOBODY: (bool, bool) = (false, false);
const NOW_BEHIND: (bool, bool) = (true, true);
const WAS_BEHIND: (bool, bool) = (false, true);

/// How long it was quiet after these looks, each a second after the one before.
fn quiet(looks: &[(bool, bool)]) -> Option<i64> {
    let sights = Sights::default();
    let mut sight = None;
    for (second, (is_behind, was_behind)) in (100..).zip(looks) {
        let subject = (Phase::Announced, &signer_mark());
        let now = Duration::from_secs(second);
        sight = sights.look("mesh", subject, *is_behind, *was_behind, now).quiet_for;
    }
    sight.map(|span| span.as_secs())
}

#[test]
fn the_clock_runs_from_the_first_look_that_finds_nobody_behind() {
    assert_eq!(quiet(&[NOBODY]), Some(0));
    assert_eq!(quiet(&[NOBODY, NOBODY, NOBODY]), Some(2));
    assert_eq!(quiet(&[NOW_BEHIND, NOBODY, NOBODY]), Some(1));
    assert_eq!(quiet(&[NOBODY, NOBODY, NOW_BEHIND]), None);
}

#[test]
fn whoever_was_behind_between_two_looks_starts_it_anew() {
    assert_eq!(quiet(&[NOBODY, NOBODY, WAS_BEHIND]), Some(0));
    assert_eq!(quiet(&[NOBODY, WAS_BEHIND, NOBODY]), Some(1));
}

#[test]
fn another_phase_signer_or_bundle_starts_it_anew() {
    type Other = (Phase, fn(&mut SignerMark));
    let others: [Other; 4] = [
        (Phase::Draining, |_| ()),
        (Phase::Announced, |mark| mark.trust = digest("t2")),
        (Phase::Announced, |mark| mark.key_id = digest("a2")),
        (Phase::Announced, |_| ()),
    ];
    let expected = [Some(0), Some(0), Some(0), Some(9)];
    for ((phase, change), expected) in others.into_iter().zip(expected) {
        let sights = Sights::default();
        let look = |phase, mark: &SignerMark, second| {
            let sight = sights.look("mesh", (phase, mark), false, false, Duration::from_secs(second));
            sight.quiet_for.map(|span| span.as_secs())
        };
        assert_eq!(look(Phase::Announced, &signer_mark(), 1), Some(0));
        let mut mark = signer_mark();
        change(&mut mark);
        assert_eq!(look(phase, &mark, 10), expected);
    }
}

#[test]
fn a_list_that_disagrees_starts_it_anew() {
    let sights = Sights::default();
    let look = |second| {
        let subject = (Phase::Draining, &signer_mark());
        sights.look("mesh", subject, false, false, Duration::from_secs(second)).quiet_for
    };
    assert_eq!((look(1), look(9)), (Some(SignedDuration::ZERO), Some(SignedDuration::from_secs(8))));
    sights.spoil("mesh");
    assert_eq!(look(10), Some(SignedDuration::ZERO));
}

#[test]
fn whoever_lacks_the_next_root_holds_its_switch_up_and_nothing_after_it() {
    let lacking = |is_announced, trust: Option<&str>| {
        let secret = SeenSecret { trust: trust.map(digest), ..secret("web") };
        let signer = SignerMark { is_announced, retiring: [digest("a0")].into(), ..signer_mark() };
        is_behind(&secret, &signer, NOW.as_second())
    };
    assert!(lacking(true, Some("t0")) && lacking(true, None) && !lacking(true, Some("t1")));
    assert!(!lacking(false, Some("t0")) && !lacking(false, None) && !lacking(false, Some("t1")));
}

#[test]
fn a_valid_leaf_of_a_retiring_root_holds_its_end_up() {
    let now = NOW.as_second();
    let retiring = SignerMark { retiring: [digest("a0")].into(), ..signer_mark() };
    let held = |change: fn(&mut SeenSecret)| {
        let mut secret = secret("web");
        change(&mut secret);
        is_behind(&secret, &retiring, now)
    };
    assert!(!held(|_| ()));
    assert!(held(|secret| secret.key_id = Some(digest("a0"))));
    assert!(held(|secret| (secret.key_id, secret.not_after) = (Some(digest("a0")), None)));
    let expired = |end| {
        let secret = SeenSecret { key_id: Some(digest("a0")), not_after: Some(end), ..secret("web") };
        is_behind(&secret, &retiring, now)
    };
    assert!(expired(now) && !expired(now - 1));
}

#[test]
fn each_secret_follows_with_its_renewal_or_in_its_own_slot() {
    let (began, ends) = (NOW, NOW + HOUR);
    let step = Step { began, ends };
    let (start, end) = (began.as_second(), ends.as_second());
    assert_eq!(turn(step, 65_535, Some(end)), end, "a renewal inside the window carries it");
    assert_eq!(turn(step, 0, Some(end + 1)), start);
    assert_eq!(turn(step, 32_768, None), start + 1800);
    assert!((0..=u16::MAX).step_by(997).all(|slot| (start..end).contains(&turn(step, slot, None))));
    let slots: Vec<u16> = (0..1000).map(|number| fraction(&format!("uid-{number}"))).collect();
    let early = slots.iter().filter(|slot| **slot < 32_768).count();
    assert!((400..600).contains(&early), "{early} of 1000 in the first half");
}
