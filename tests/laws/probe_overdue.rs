//! Laws of endpoints that the operator is late with: they are counted, and what was seen of them last counts until they are probed.

use std::time::Duration;

use mtls_operator::api::MtlsIdentity;
use mtls_operator::operator::probe::candidates::Sweep;
use mtls_operator::operator::probe::endpoint_records::EndpointKey;
use mtls_operator::operator::probe::store::ProbeState;
use mtls_operator::plan::probe::observation::{Observation, ObservedServer};
use mtls_operator::plan::probe::schedule::{FRESH_FOR, ProbeRecord};
use mtls_operator::plan::probe::verdict::Expected;
use serde_json::json;

use super::fixture::NOW;
use super::probe_verdict::{UNKNOWN, expected, good, next};

const SECOND: Duration = Duration::from_secs(1);
const BEGAN: Duration = Duration::from_hours(1);

/// One endpoint of one identity.
struct World {
    state: ProbeState,
    sweep: Sweep,
    signs: bool,
}

impl World {
    fn new() -> Self {
        let identity = json!({
            "apiVersion": "mtls-operator.dev/v1alpha1", "kind": "MtlsIdentity",
            "metadata": { "name": "web", "namespace": "shop", "uid": "u", "resourceVersion": "7" },
            "spec": { "probes": [{ "name": "tls", "serviceName": "web", "targetPort": 8443 }] },
        });
        let slice = json!({
            "metadata": { "name": "web-x", "namespace": "shop", "labels": {
                "kubernetes.io/service-name": "web",
                "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
            } },
            "addressType": "IPv4", "ports": [{ "port": 8443 }],
            "endpoints": [{ "addresses": ["10.0.0.7"], "targetRef": { "kind": "Pod", "namespace": "shop" } }],
        });
        let mut state = ProbeState::default();
        state.apply(&serde_json::from_value::<MtlsIdentity>(identity).unwrap());
        state.slices.apply(&serde_json::from_value(slice).unwrap());
        let mut world = Self { state, sweep: Sweep::default(), signs: true };
        world.decide(BEGAN);
        world
    }

    fn decide(&mut self, now: Duration) {
        let expected: Option<Expected> = self.signs.then(expected);
        for candidate in self.state.take_candidates(&mut self.sweep, now) {
            self.state.decide(&candidate, expected.as_ref(), now);
        }
    }

    fn begin(&mut self, now: Duration) -> EndpointKey {
        self.state.take_due(now, 32).unwrap().1
    }

    fn end(&mut self, key: &EndpointKey, observation: Observation, now: Duration) {
        let name = self.state.names(None).remove(0);
        let record = ProbeRecord::new(key.address, observation, NOW, now, &expected());
        self.state.record(&name, key, record);
        self.decide(now);
    }

    fn probe(&mut self, observation: Observation, now: Duration) {
        let key = self.begin(now);
        self.end(&key, observation, now);
    }

    /// Whether it blocks the switch to the next root, and how many endpoints are overdue.
    fn is(&self, now: Duration) -> (bool, usize) {
        (!self.state.blocking_endpoints("mesh", "r2", now).is_empty(), self.state.overdue(now))
    }
}

fn distrusting() -> Observation {
    Observation::Server(ObservedServer { next: Some(next(UNKNOWN)), ..good() })
}

#[test]
fn an_endpoint_that_waits_for_its_probe_blocks_a_switch_as_it_was_seen_last() {
    let mut world = World::new();
    world.probe(distrusting(), BEGAN);
    assert_eq!(world.is(BEGAN + FRESH_FOR), (true, 0));
    let late = BEGAN + FRESH_FOR + SECOND;
    assert_eq!(world.is(late), (true, 1));
    let key = world.begin(late);
    assert_eq!(world.is(late), (true, 0), "while it is probed, too");
    world.end(&key, Observation::Unreachable, late);
    assert_eq!(world.is(late), (false, 0), "it cannot be reached, and was seen more than ten minutes ago");
}

#[test]
fn an_endpoint_that_trusts_the_root_or_is_not_to_be_probed_blocks_nothing_however_late_it_is() {
    let late = BEGAN + FRESH_FOR + SECOND;
    let mut world = World::new();
    world.probe(Observation::Server(good()), BEGAN);
    assert_eq!(world.is(late), (false, 1));
    let mut world = World::new();
    world.probe(distrusting(), BEGAN);
    world.signs = false;
    world.decide(late);
    assert_eq!(world.is(late), (false, 0), "its authority does not sign");
}

#[test]
fn an_endpoint_that_was_never_probed_is_overdue_after_ten_minutes_and_blocks_nothing() {
    let world = World::new();
    assert_eq!(world.is(BEGAN + FRESH_FOR), (false, 0));
    assert_eq!(world.is(BEGAN + FRESH_FOR + SECOND), (false, 1));
}
