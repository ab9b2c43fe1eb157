//! Laws of how many probes run: enough that 20,000 endpoints have their turn in time, and never more than the bounds.

use mtls_operator::plan::probe::rate::{ProbeRate, ROUND};
use mtls_operator::plan::probe::schedule::{FRESH_FOR, INTERVAL};

/// Endpoints that are probed in time.
const ENDPOINTS: usize = 20_000;

/// Seconds in which so many endpoints have their turn, where a probe takes this long.
fn seconds(endpoints: usize, probe_takes: usize) -> usize {
    let ProbeRate { at_once, a_round } = ProbeRate::for_endpoints(endpoints);
    let rounds = endpoints.div_ceil(a_round) * usize::try_from(ROUND.as_millis()).unwrap() / 1000;
    rounds.max(endpoints * probe_takes / at_once)
}

#[test]
fn every_one_of_20000_endpoints_has_its_turn_while_what_was_seen_of_it_counts() {
    let (interval, fresh) = (INTERVAL.as_secs(), FRESH_FOR.as_secs());
    for endpoints in (0..=ENDPOINTS).step_by(100) {
        for takes in [1, 2] {
            assert!(seconds(endpoints, takes) as u64 <= interval * 9 / 10, "{endpoints} of {takes} s each");
        }
        // A connection that is not answered is given up after five seconds.
        assert!(seconds(endpoints, 5) as u64 <= fresh * 9 / 10, "{endpoints} that do not answer");
    }
}

#[test]
fn few_endpoints_are_probed_as_ever_and_any_number_within_bounds() {
    assert_eq!(ProbeRate::for_endpoints(0), ProbeRate { at_once: 32, a_round: 10 });
    assert_eq!(ProbeRate::for_endpoints(2500), ProbeRate { at_once: 32, a_round: 10 });
    let most = ProbeRate::for_endpoints(usize::MAX);
    assert_eq!(most, ProbeRate::MAX);
    // A process may have 1,024 files open where nothing else is said.
    assert!(most.at_once <= 1024 / 4, "{most:?}");
}
