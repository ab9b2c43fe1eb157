//! Laws of due probes: what the order of due times gives is what a walk over every endpoint finds, whatever has happened before.

use std::collections::BTreeSet;
use std::time::Duration;

use mtls_operator::api::MtlsIdentity;
use mtls_operator::api::namespaced_name::NamespacedName;
use mtls_operator::operator::index::digest::digest;
use mtls_operator::operator::probe::candidates::Sweep;
use mtls_operator::operator::probe::endpoint_records::EndpointKey;
use mtls_operator::operator::probe::store::ProbeState;
use mtls_operator::plan::probe::observation::{ClientOutcome, Observation, ObservedServer};
use mtls_operator::plan::probe::schedule::ProbeRecord;
use mtls_operator::plan::probe::verdict::{Expected, NextRoot, ServingReason};
use proptest::prelude::*;
use serde_json::json;
use test_support::properties;

use super::fixture::NOW;
use super::probe_verdict::{UNKNOWN, expected, good, leaf, next};

const NAMES: [&str; 3] = ["api", "db", "web"];

/// Something that happens.
#[derive(Clone, Debug)]
enum Step {
    /// The Pods of these hosts are ready behind a Service.
    Pods { service: usize, hosts: BTreeSet<u8> },
    /// An identity is stored, with a probe of its own Service and perhaps one of another.
    Store { name: usize, other: Option<usize>, uid: u8 },
    /// An identity is deleted.
    Delete { name: usize },
    /// The leaf of every identity of this name is another one, or none is in force.
    Leaf { name: usize, serial: Option<u8> },
    /// A root is announced, or none.
    Announce { root: Option<u8> },
    /// So many probes begin.
    Begin { count: usize },
    /// So many probes end, with this result.
    End { count: usize, seen: u8 },
    /// Another replica has led meanwhile.
    Forget,
    /// So many seconds pass.
    Pass { seconds: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let name = 0..NAMES.len();
    let hosts = prop::collection::btree_set(1..6_u8, 0..5);
    prop_oneof![
        4 => (name.clone(), hosts).prop_map(|(service, hosts)| Step::Pods { service, hosts }),
        3 => (name.clone(), prop::option::of(name.clone()), 0..2_u8)
            .prop_map(|(name, other, uid)| Step::Store { name, other, uid }),
        1 => name.clone().prop_map(|name| Step::Delete { name }),
        2 => (name, prop::option::weighted(0.8, 0..3_u8)).prop_map(|(name, serial)| Step::Leaf { name, serial }),
        1 => prop::option::of(0..2_u8).prop_map(|root| Step::Announce { root }),
        6 => (1..8_usize).prop_map(|count| Step::Begin { count }),
        6 => (1..8_usize, 0..5_u8).prop_map(|(count, seen)| Step::End { count, seen }),
        1 => Just(Step::Forget),
        6 => prop_oneof![0..3_u64, 0..400_u64].prop_map(|seconds| Step::Pass { seconds }),
    ]
}

/// The state under test, and what it is told of the world.
#[derive(Default)]
struct World {
    state: ProbeState,
    sweep: Sweep,
    now: Duration,
    versions: u32,
    leaves: [Option<u8>; 3],
    root: Option<u8>,
    /// Probes that have begun, in order, with what was expected then.
    running: Vec<(NamespacedName, EndpointKey, Expected)>,
}

impl World {
    fn identity(&mut self, name: usize, other: Option<usize>, uid: u8) -> MtlsIdentity {
        self.versions += 1;
        let probe = |name: &str, service: usize| json!({ "name": name, "serviceName": NAMES[service], "targetPort": 8443 });
        let mut probes = vec![probe("own", name)];
        probes.extend(other.map(|other| probe("other", other)));
        serde_json::from_value(json!({
            "apiVersion": "mtls-operator.dev/v1alpha1", "kind": "MtlsIdentity",
            "metadata": { "name": NAMES[name], "namespace": "shop", "uid": format!("uid-{uid}"),
                "resourceVersion": self.versions.to_string() },
            "spec": { "probes": probes },
        }))
        .unwrap()
    }

    fn publish(&mut self, service: usize, hosts: &BTreeSet<u8>) {
        let endpoint = |host| {
            json!({ "addresses": [format!("10.0.{service}.{host}")],
            "targetRef": { "kind": "Pod", "namespace": "shop" } })
        };
        let slice = json!({
            "metadata": { "name": format!("{}-x", NAMES[service]), "namespace": "shop", "labels": {
                "kubernetes.io/service-name": NAMES[service],
                "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
            } },
            "addressType": "IPv4", "ports": [{ "port": 8443 }],
            "endpoints": hosts.iter().map(endpoint).collect::<Vec<_>>(),
        });
        self.state.slices.apply(&serde_json::from_value(slice).unwrap());
    }

    /// What the servers of an identity are expected to be like now; `None` while no leaf is in force.
    fn expected(&self, name: &NamespacedName) -> Option<Expected> {
        let serial = self.leaves[NAMES.iter().position(|known| **known == name.name)?]?;
        let next = self.root.map(|root| NextRoot { fingerprint: format!("r{root}"), since: NOW });
        Some(Expected { serial: serial.to_string(), next, ..expected() })
    }

    /// What a round of the controller decides.
    fn decide(&mut self) {
        for candidate in self.state.take_candidates(&mut self.sweep, self.now) {
            self.state.decide(&candidate, self.expected(&candidate.name).as_ref(), self.now);
        }
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Pods { service, hosts } => self.publish(*service, hosts),
            Step::Store { name, other, uid } => {
                let identity = self.identity(*name, *other, *uid);
                self.state.apply(&identity);
            }
            Step::Delete { name } => self.state.delete("shop", NAMES[*name]),
            Step::Leaf { name, serial } => {
                self.leaves[*name] = *serial;
                self.state.issuer_changed("mesh");
            }
            Step::Announce { root } => {
                self.root = *root;
                self.state.issuer_changed("mesh");
            }
            Step::Begin { count } => self.begin(*count),
            Step::End { count, seen } => self.end(*count, *seen),
            Step::Forget => self.state.clear_observations(),
            Step::Pass { seconds } => self.now += Duration::from_secs(*seconds),
        }
    }

    fn begin(&mut self, count: usize) {
        for _ in 0..count {
            let Some((candidate, key)) = self.state.take_due(self.now, 32) else { return };
            let expected = self.expected(&candidate.name).unwrap();
            self.running.push((NamespacedName::clone(&candidate.name), key, expected));
        }
    }

    fn end(&mut self, count: usize, seen: u8) {
        for _ in 0..count.min(self.running.len()) {
            let (name, key, expected) = self.running.remove(0);
            let server = |change: fn(&mut ObservedServer)| {
                let mut server = good();
                change(&mut server);
                Observation::Server(server)
            };
            let observation = match seen {
                0 => Observation::Unreachable,
                1 => Observation::NoTls,
                2 => server(|seen| seen.leaf = Some(leaf("0"))),
                3 => server(|seen| seen.next = Some(next(UNKNOWN))),
                _ => server(|seen| seen.mesh = ClientOutcome::Unclear),
            };
            let record = ProbeRecord::new(key.address, observation, NOW, self.now, &expected);
            self.state.record(&name, &key, record);
        }
    }

    /// The endpoints that are due, found by a walk over every endpoint of every identity.
    fn walk(&self) -> BTreeSet<(Duration, NamespacedName, EndpointKey)> {
        let mut found = BTreeSet::new();
        for (name, probed) in &self.state.identities {
            let Some(expected) = self.expected(name) else { continue };
            for probe in &probed.object.probes {
                for address in self.state.slices.endpoints("shop", &probe.service, 8443).ready {
                    let key = EndpointKey { probe: probe.name.clone(), address };
                    let record = probed.records.get(&key);
                    let at = record.map_or(Duration::ZERO, |record| record.due(&probe.expected(&expected)));
                    let is_running =
                        self.running.iter().any(|(of, running, _)| *of == **name && *running == key);
                    if at <= self.now && !is_running {
                        found.insert((at, NamespacedName::clone(name), key));
                    }
                }
            }
        }
        found
    }
}

proptest! {
    #![proptest_config(properties::cases(env!("CARGO_CRATE_NAME"), 256))]

    #[test]
    fn the_order_of_due_times_gives_the_probes_that_a_walk_finds_the_longest_due_first(
        steps in prop::collection::vec(step(), 1..60)
    ) {
        let mut world = World::default();
        for step in &steps {
            if let Step::Store { name, uid, .. } = step {
                // The probes of an identity that is replaced by another of its name end with it.
                let is_other = world.state.identities.get(&NamespacedName::new("shop", NAMES[*name]))
                    .is_none_or(|known| known.object.uid != digest(&format!("uid-{uid}")));
                if is_other {
                    world.running.retain(|(of, ..)| of.name != NAMES[*name]);
                }
            }
            world.take(step);
            world.decide();
            let walked: Vec<(NamespacedName, EndpointKey)> =
                world.walk().into_iter().map(|(_, name, key)| (name, key)).collect();
            let due: Vec<(NamespacedName, EndpointKey)> =
                world.state.due(world.now).map(|(name, key)| (NamespacedName::clone(name), key.clone())).collect();
            prop_assert_eq!(&due, &walked, "after {:?}", step);
            let ready: usize = world.state.identities.values().map(|probed| probed.records.ready()).sum();
            prop_assert_eq!(world.state.endpoints(), ready);
            let judged: usize = ServingReason::ALL.map(|reason| world.state.reasons().get(reason)).iter().sum();
            prop_assert!(judged <= world.state.identities.len());
            if world.state.identities.is_empty() {
                prop_assert_eq!((judged, world.state.next_due()), (0, None), "nothing is left of what is deleted");
            }
        }
    }
}
