//! Laws of when a server is probed again.

use std::time::Duration;

use mtls_operator::plan::probe::observation::{
    ClientOutcome, NextRootOutcome, Observation, ObservedServer, TlsAlert,
};
use mtls_operator::plan::probe::schedule::{FRESH_FOR, ProbeRecord};
use mtls_operator::plan::probe::verdict::{Expected, NextRoot};

use super::fixture::{HOUR, NOW};
use super::probe_verdict::{expected, good, leaf};

const ADDRESS: &str = "10.0.0.7:8443";
const BEGAN: Duration = Duration::from_secs(1000);

fn record(observation: Observation) -> ProbeRecord {
    record_at(ADDRESS, observation)
}

fn record_at(address: &str, observation: Observation) -> ProbeRecord {
    ProbeRecord::new(address.parse().unwrap(), observation, NOW + HOUR, BEGAN, &expected())
}

/// How long a server is not probed after this probe.
fn pause(record: &ProbeRecord, expected: &Expected) -> Duration {
    record.due(expected).checked_sub(BEGAN).unwrap()
}

fn seconds(record: &ProbeRecord) -> u64 {
    pause(record, &expected()).as_secs()
}

#[test]
fn a_good_server_is_probed_about_every_five_minutes_and_always_in_time_for_a_rotation() {
    let pauses: Vec<Duration> = (0..100)
        .map(|host| record_at(&format!("10.0.0.{host}:1"), Observation::Server(good())).due(&expected()))
        .map(|due| due.checked_sub(BEGAN).unwrap())
        .collect();
    let (least, most) = (Duration::from_secs(270), Duration::from_mins(5));
    assert!(pauses.iter().all(|pause| (least..=most).contains(pause)), "{pauses:?}");
    assert!(pauses.iter().collect::<std::collections::HashSet<_>>().len() > 50, "they spread");
    assert!(most * 2 <= FRESH_FOR);
}

#[test]
fn a_server_that_cannot_be_reached_is_tried_ever_less_often() {
    let after = |failures| seconds(&ProbeRecord { failures, ..record(Observation::Unreachable) });
    let pauses: Vec<u64> = (1..10).map(after).collect();
    assert!(pauses.is_sorted(), "{pauses:?}");
    assert!((4..=5).contains(&pauses[0]) && (8..=10).contains(&pauses[1]), "{pauses:?}");
    assert!((270..=300).contains(&after(7)) && (270..=300).contains(&after(u32::MAX)));
    assert_eq!(after(3), seconds(&ProbeRecord { failures: 3, ..record(Observation::NoTls) }));
    let mut last = record(Observation::Server(good()));
    for failures in 1..4 {
        last = record(Observation::Unreachable).after(&last);
        assert_eq!(last.failures, failures);
    }
    assert_eq!(record(Observation::Server(good())).after(&last).failures, 0);
}

#[test]
fn a_change_on_its_way_is_followed_with_a_quarter_of_the_propagation() {
    let old = Observation::Server(ObservedServer { leaf: Some(leaf("0d")), ..good() });
    let during = ProbeRecord { at: NOW, ..record(old.clone()) };
    assert_eq!(seconds(&during), 60, "at least once a minute");
    let short = Expected { propagation: jiff::SignedDuration::from_secs(10), ..expected() };
    assert_eq!(pause(&during, &short), Duration::from_millis(2500));
    assert!(seconds(&record(old)) >= 270, "after that a person has to act, which brings other Pods");
}

#[test]
fn a_server_that_does_not_trust_an_announced_root_is_followed_until_it_does() {
    let next =
        Some(NextRootOutcome { root: "r2".into(), outcome: ClientOutcome::Refused(TlsAlert::UnknownRoot) });
    let distrusting = record(Observation::Server(ObservedServer { next, ..good() }));
    assert_eq!(seconds(&distrusting), 60);
    assert_eq!(pause(&distrusting, &Expected { next: None, ..expected() }), Duration::from_secs(1));
}

#[test]
fn a_new_endpoint_is_probed_at_once_but_none_more_than_once_a_second() {
    let seen = record(Observation::Server(good()));
    let renewed = Expected { serial: "61".into(), ..expected() };
    let announced = Expected { next: Some(NextRoot { fingerprint: "r3".into(), since: NOW }), ..expected() };
    for news in [renewed, announced] {
        assert_eq!(pause(&seen, &news), Duration::from_secs(1));
    }
}
