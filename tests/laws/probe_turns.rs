//! Laws of the turns of probes, with simulated time: however many endpoints of other namespaces never answer, those of a namespace
//! are probed within its share.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mtls_operator::api::namespaced_name::NamespacedName;
use mtls_operator::operator::probe::endpoint_records::{EndpointKey, OwnedEndpoint};
use mtls_operator::operator::probe::probe_turns::ProbeTurns;
use mtls_operator::plan::probe::rate::{ProbeRate, ROUND};
use mtls_operator::plan::probe::schedule::INTERVAL;

/// How long an endpoint takes that accepts a connection and never answers.
const HANGS: Duration = Duration::from_secs(5);
/// Endpoints of the namespace that is looked at.
const OWN: usize = 50;

fn endpoint(namespace: &str, number: usize) -> OwnedEndpoint {
    let address = SocketAddr::from(([10, 0, 0, 1], u16::try_from(number).unwrap()));
    let key = EndpointKey { probe: "tls".into(), address };
    (Arc::new(NamespacedName::new(namespace, "web")), key)
}

/// Namespaces whose endpoints hang, beside one whose endpoints answer at once.
struct Simulation {
    turns: ProbeTurns,
    rate: ProbeRate,
    running: Vec<(Duration, OwnedEndpoint)>,
    due: HashMap<OwnedEndpoint, Duration>,
    longest: Duration,
}

impl Simulation {
    fn of(hostile: usize, endpoints_of_each: usize) -> Self {
        let (turns, rate) =
            (ProbeTurns::default(), ProbeRate::for_endpoints(hostile * endpoints_of_each + OWN));
        let (running, due, longest) = (Vec::new(), HashMap::new(), Duration::ZERO);
        let mut simulation = Self { turns, rate, running, due, longest };
        for number in 0..hostile * endpoints_of_each {
            let namespace = format!("hostile-{}", number % hostile);
            simulation.schedule(endpoint(&namespace, number / hostile), Duration::ZERO);
        }
        // When the others have all places.
        (0..OWN).for_each(|number| simulation.schedule(endpoint("shop", number), Duration::from_secs(10)));
        simulation
    }

    fn schedule(&mut self, endpoint: OwnedEndpoint, at: Duration) {
        self.turns.reschedule(&endpoint, None, Some(at));
        self.due.insert(endpoint, at);
    }

    fn round(&mut self, now: Duration) {
        let ended = self.running.extract_if(.., |(ends, _)| *ends <= now).collect::<Vec<_>>();
        for (_, endpoint) in ended {
            self.turns.end(&endpoint.0.namespace);
            self.schedule(endpoint, now + INTERVAL);
        }
        for _ in 0..self.rate.a_round {
            if self.running.len() >= self.rate.at_once {
                return;
            }
            let Some(endpoint) = self.turns.begin(now, self.rate.at_once) else { return };
            let is_own = endpoint.0.namespace == "shop";
            if is_own {
                self.longest = self.longest.max(now.saturating_sub(self.due[&endpoint]));
            }
            let takes = if is_own { Duration::from_millis(50) } else { HANGS };
            self.running.push((now + takes, endpoint));
        }
    }

    /// The longest time for which an endpoint that answers was due, within twenty minutes.
    fn longest_wait(mut self) -> Duration {
        (0..6000).for_each(|round| self.round(ROUND * round));
        self.longest
    }
}

#[test]
fn endpoints_of_one_namespace_that_never_answer_hardly_delay_those_of_another() {
    let wait = Simulation::of(1, 20_000).longest_wait();
    assert!(wait <= Duration::from_secs(10), "{wait:?}");
}

#[test]
fn of_ten_namespaces_each_has_a_tenth_of_the_turns() {
    let wait = Simulation::of(9, 2000).longest_wait();
    // 256 places, each for five seconds: 51 turns a second, five of them for each namespace.
    assert!(wait <= Duration::from_secs(20), "{wait:?}");
}

#[test]
fn a_namespace_has_all_places_where_no_other_waits_and_half_of_them_where_one_does() {
    let mut turns = ProbeTurns::default();
    let schedule = |turns: &mut ProbeTurns, namespace: &str, numbers: std::ops::Range<usize>| {
        for number in numbers {
            turns.reschedule(&endpoint(namespace, number), None, Some(Duration::ZERO));
        }
    };
    let begun = |turns: &mut ProbeTurns, count| -> usize {
        let begun = (0..count).map(|_| turns.begin(Duration::ZERO, 32).unwrap());
        begun.filter(|endpoint| endpoint.0.namespace == "hostile").count()
    };
    schedule(&mut turns, "hostile", 0..100);
    assert_eq!(begun(&mut turns, 32), 32);
    schedule(&mut turns, "shop", 0..100);
    (0..16).for_each(|_| turns.end("hostile"));
    assert_eq!(begun(&mut turns, 16), 0, "it has half of them still");
    for namespace in ["hostile", "shop"] {
        (0..16).for_each(|_| turns.end(namespace));
    }
    assert_eq!(begun(&mut turns, 32), 16, "by turns");
}

#[test]
fn the_longest_due_of_a_namespace_goes_first_and_nothing_before_its_time() {
    let mut turns = ProbeTurns::default();
    let at = Duration::from_secs;
    for (namespace, number, due) in [("a", 1, 5), ("a", 2, 3), ("b", 1, 4), ("b", 2, 9)] {
        turns.reschedule(&endpoint(namespace, number), None, Some(at(due)));
    }
    assert_eq!((turns.begin(at(2), 32), turns.earliest()), (None, Some(at(3))));
    let begun: Vec<OwnedEndpoint> = std::iter::from_fn(|| turns.begin(at(8), 32)).collect();
    assert_eq!(begun, [("a", 2), ("b", 1), ("a", 1)].map(|(namespace, number)| endpoint(namespace, number)));
    turns.reschedule(&endpoint("b", 2), Some(at(9)), None);
    assert_eq!((turns.begin(at(10), 32), turns.earliest()), (None, None));
}
