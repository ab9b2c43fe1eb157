//! What follows for one identity: when its endpoints are due for a probe, and the verdict on it from the probes so far.
//!
//! It only computes: nothing is written, counted or started here.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::candidates::Candidate;
use super::endpoint_records::EndpointKey;
use super::endpoint_slices::Endpoints;
use super::probed_identity::ProbedIdentity;
use super::status::to_state;
use super::store::ProbeState;
use super::verdicts::{disabled, judge};
use crate::api::namespaced_name::NamespacedName;
use crate::plan::probe::verdict::{Expected, ServingVerdict};

impl ProbeState {
    /// Decides on an identity of an operator that does not probe.
    pub(super) fn disable(&mut self, candidate: &Candidate) {
        if candidate.is_changed {
            self.conclude(&candidate.name, Some(disabled()));
        }
    }

    /// Decides on an identity. One that has changed meanwhile is left to the next round, which the change starts.
    pub fn decide(&mut self, candidate: &Candidate, expected: Option<&Expected>, now: Duration) {
        let name = &candidate.name;
        let Some(probed) = self.identities.get_mut(&**name) else { return };
        let terms = expected.map(stand_in);
        let is_settled = !candidate.is_changed && probed.expected == terms;
        if is_settled || !Arc::ptr_eq(&probed.object, &candidate.object) {
            return;
        }
        probed.expected = terms;
        if let Some(expected) = expected {
            probed.next.clone_from(&expected.next);
        }
        let found = self.slices.of_probes(&name.namespace, &candidate.object.probes);
        self.set_ready(name, &found, now);
        self.reschedule(name, expected);
        let probed = self.identities.get(&**name);
        let verdict = probed.zip(expected).and_then(|(probed, expected)| judge(probed, &found, expected));
        self.conclude(name, verdict);
    }

    /// Sets which endpoints an identity has.
    fn set_ready(&mut self, name: &Arc<NamespacedName>, found: &[Endpoints], now: Duration) {
        let Some(probed) = self.identities.get_mut(&**name) else { return };
        let ready = probed.object.probes.iter().zip(found).flat_map(|(probe, endpoints)| {
            let key = |address: &SocketAddr| EndpointKey { probe: probe.name.clone(), address: *address };
            endpoints.ready.iter().map(key)
        });
        let (ready, before) = (ready.collect(), probed.records.ready());
        let gone = probed.records.set_ready(ready, now);
        self.endpoints = self.endpoints + probed.records.ready() - before;
        for endpoint in gone {
            self.due.reschedule(&(name.clone(), endpoint.key), endpoint.due, None);
        }
    }

    /// Sets when each endpoint of an identity is due.
    fn reschedule(&mut self, name: &Arc<NamespacedName>, expected: Option<&Expected>) {
        let Some(probed) = self.identities.get_mut(&**name) else { return };
        let ProbedIdentity { records, object, .. } = &mut **probed;
        let expected: Vec<(&str, Expected)> = (object.probes.iter())
            .filter_map(|probe| Some((&*probe.name, probe.expected(expected?))))
            .collect();
        let of_probe = |key: &EndpointKey| expected.iter().find(|(name, _)| **name == *key.probe);
        for endpoint in records.iter_mut() {
            let at = of_probe(&endpoint.key).and_then(|(_, expected)| endpoint.due_by(expected));
            if at != endpoint.due {
                self.due.reschedule(&(name.clone(), endpoint.key.clone()), endpoint.due, at);
                endpoint.due = at;
            }
        }
    }

    /// Takes a verdict: counts it, and has it written where status does not state it.
    fn conclude(&mut self, name: &Arc<NamespacedName>, verdict: Option<ServingVerdict>) {
        let Some(probed) = self.identities.get_mut(&**name) else { return };
        let reason = verdict.as_ref().map(|verdict| verdict.reason);
        self.reasons.change(probed.reason, reason);
        probed.reason = reason;
        let from = probed.is_queued().then_some(probed.write_after);
        let is_unstated =
            |verdict: &ServingVerdict| to_state(verdict, probed.object.generation) != probed.object.stated;
        probed.unwritten = verdict.filter(is_unstated).map(Box::new);
        let to = probed.is_queued().then_some(probed.write_after);
        self.writes.reschedule(name, from, to);
    }
}

/// 64 bits that stand for what servers are expected to be like.
fn stand_in(expected: &Expected) -> u64 {
    let mut hasher = DefaultHasher::new();
    expected.hash(&mut hasher);
    hasher.finish()
}
