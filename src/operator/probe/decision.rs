//! What one round decides: which endpoints are due for a probe, and which verdicts follow from the probes so far.
//!
//! It only computes: nothing is written, counted or started here.

use std::sync::Arc;
use std::time::Duration;

use super::endpoint_slices::Endpoints;
use super::expectation::ProbeTarget;
use super::store::{Candidate, EndpointKey, ProbeState, ProbedIdentity};
use super::verdicts::{disabled, judge};
use crate::api::namespaced_name::NamespacedName;
use crate::api::probe::ProbeSpec;
use crate::plan::probe::verdict::{Expected, ServingVerdict};

/// A probe that is due.
pub(super) struct DueProbe {
    /// Since when, by the monotonic clock.
    pub at: Duration,
    /// The identity.
    pub identity: NamespacedName,
    /// The endpoint.
    pub endpoint: EndpointKey,
    /// The Service that leads to it.
    pub service: String,
    /// The issuer of the identity, and its root.
    pub target: Arc<ProbeTarget>,
    /// What the server is expected to be like.
    pub expected: Expected,
}

/// What one round decides.
#[derive(Default)]
pub(super) struct Decision {
    /// Probes that are due, the longest due first.
    pub due: Vec<DueProbe>,
    /// How long until another probe is due; `None` where no other is scheduled.
    pub next_due: Option<Duration>,
    /// The verdict on each identity whose endpoints were all probed.
    pub verdicts: Vec<(NamespacedName, ServingVerdict)>,
}

impl Decision {
    /// The decision of an operator that does not probe.
    pub fn disabled(candidates: &[Candidate]) -> Self {
        let verdicts = candidates.iter().map(|candidate| (candidate.name.clone(), disabled())).collect();
        Self { verdicts, ..Self::default() }
    }

    /// The decision on these identities. One that has changed meanwhile is left to the next round, which the change starts.
    pub fn new(state: &ProbeState, candidates: &[(Candidate, Arc<ProbeTarget>)], now: Duration) -> Self {
        let mut decision = Self::default();
        for (candidate, target) in candidates {
            let Some(probed) = state.unchanged(candidate) else { continue };
            for (probe, endpoints) in candidate.identity.spec.probes.iter().zip(&candidate.endpoints) {
                decision.add_due(&candidate.name, probed, (probe, endpoints), target, now);
            }
            let verdict = judge(probed, &candidate.endpoints, target);
            decision.verdicts.extend(verdict.map(|verdict| (candidate.name.clone(), verdict)));
        }
        decision.due.sort_by_key(|due| due.at);
        decision
    }

    /// Adds the endpoints of a probe that are due.
    fn add_due(
        &mut self,
        name: &NamespacedName,
        probed: &ProbedIdentity,
        (probe, endpoints): (&ProbeSpec, &Endpoints),
        target: &Arc<ProbeTarget>,
        now: Duration,
    ) {
        let expected = target.expects(probe);
        for address in &endpoints.ready {
            let endpoint = EndpointKey { probe: probe.name.clone(), address: *address };
            if probed.in_flight.contains(&endpoint) {
                continue;
            }
            let at = probed.records.get(&endpoint).map_or(Duration::ZERO, |record| record.due(&expected));
            if at > now {
                let left = at.saturating_sub(now);
                self.next_due = Some(self.next_due.map_or(left, |next| next.min(left)));
                continue;
            }
            let (identity, service) = (name.clone(), probe.service_name.clone());
            let (target, expected) = (target.clone(), expected.clone());
            self.due.push(DueProbe { at, identity, endpoint, service, target, expected });
        }
    }
}
