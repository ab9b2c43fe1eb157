//! Laws of the spans of a rotation: when a switch is forced, until when a former root stays trusted, how long a step takes.

use jiff::SignedDuration;
use mtls_operator::operator::client::WRITE_TIMEOUT;
use mtls_operator::pki::Validity;
use mtls_operator::plan::authority::ca_state::{CaState, Provided};
use mtls_operator::plan::authority::rotation_inputs::RotationRules;
use mtls_operator::plan::authority::spec::AuthoritySpec;
use mtls_operator::plan::authority::timing::{Timing, drain_bound, forced_at, step};

use super::fixture::{DAY, HOUR, MINUTE, NOW, terms};
use super::root::{inputs, sound};
use super::rotation::{SECOND, announced};

#[test]
fn the_switch_is_forced_in_time_for_the_last_leaves_and_never_before_the_middle() {
    let ending = |rest| CaState {
        window: Validity { not_before: NOW - DAY, not_after: NOW + rest },
        since: NOW,
        ..announced()
    };
    // Leaves live for 10 minutes, and a change takes one to be seen.
    assert_eq!(forced_at(&ending(DAY), MINUTE), NOW + DAY - MINUTE * 11);
    assert_eq!(forced_at(&ending(MINUTE * 20), MINUTE), NOW + MINUTE * 10);
}

#[test]
fn the_drain_bound_outlasts_stale_replicas_slow_writes_and_skewed_clocks() {
    let rules = |propagation| RotationRules { propagation, ..inputs(Provided::NotAsked).rules };
    let span = |propagation| drain_bound(&sound(), NOW, &rules(propagation)).duration_since(NOW);
    // maxTTL, then F, W and S, each a part of a short propagation, or its own limit; and a second for rounding.
    assert_eq!(span(MINUTE), MINUTE * 10 + SECOND * (20 + 20 + 60 + 1));
    assert_eq!(span(HOUR), MINUTE * 10 + SECOND * (60 + 30 + 300 + 1));
    let ending = CaState { window: Validity { not_before: NOW, not_after: NOW + MINUTE }, ..sound() };
    assert_eq!(
        drain_bound(&ending, NOW, &rules(HOUR)),
        NOW + MINUTE + SECOND,
        "a leaf never outlives its signer"
    );
}

/// I2 and I9: the signer's guard goes by F, the API client by W. Where one of them is lengthened alone, a leaf can
/// outlive the trust in its root.
#[test]
fn the_drain_bound_covers_the_oldest_view_the_slowest_write_and_the_skew() {
    for propagation in [SECOND * 10, MINUTE, MINUTE * 5, HOUR] {
        let Timing { freshness, write_timeout, skew } = AuthoritySpec { propagation, ..terms() }.timing();
        assert!(write_timeout <= WRITE_TIMEOUT, "no write lives longer than the client lets it");
        let last = NOW + freshness + write_timeout + SignedDuration::from_secs(sound().max_leaf_ttl) + skew;
        let rules = RotationRules { propagation, ..inputs(Provided::NotAsked).rules };
        let bound = drain_bound(&sound(), NOW, &rules);
        assert!((last..=last + SECOND).contains(&bound), "{propagation}: {bound}");
    }
    let longest = Timing::of(HOUR);
    assert_eq!(
        [longest.freshness, longest.write_timeout, longest.skew].map(|span| span.as_secs()),
        [60, 30, 300]
    );
    assert_eq!(longest.write_timeout, WRITE_TIMEOUT);
}

#[test]
fn a_step_never_takes_more_than_a_quarter_of_what_is_left_of_the_former_root() {
    let rules = RotationRules { spread_over: DAY, ..inputs(Provided::NotAsked).rules };
    assert_eq!(step(&rules, NOW + DAY * 8, NOW).ends, NOW + DAY);
    assert_eq!(step(&rules, NOW + DAY * 2, NOW).ends, NOW + HOUR * 12);
    assert_eq!(step(&rules, NOW - DAY, NOW).ends, NOW, "nothing is spread after its end");
}
