//! Turns of probes: namespaces take turns, and within one the endpoint goes first that has been due for the longest time.
//!
//! While endpoints of several namespaces are due, none of these is given a place beyond half of all: endpoints that accept
//! connections and never answer hold theirs for seconds.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};
use std::time::Duration;

use super::due_times::DueTimes;
use super::endpoint_records::OwnedEndpoint;

/// The probes of one namespace.
#[derive(Debug, Default)]
struct NamespaceProbes {
    due: DueTimes<OwnedEndpoint>,
    running: usize,
}

impl NamespaceProbes {
    fn is_due(&self, now: Duration) -> bool {
        self.due.earliest().is_some_and(|at| at <= now)
    }

    fn is_idle(&self) -> bool {
        self.running == 0 && self.due.earliest().is_none()
    }
}

/// When each endpoint is due for a probe, and how many of each namespace are being probed.
#[derive(Debug, Default)]
pub struct ProbeTurns {
    /// Those of namespaces that have any.
    namespaces: BTreeMap<String, NamespaceProbes>,
    /// The namespace that had the last turn.
    last: String,
}

impl ProbeTurns {
    /// Moves an endpoint from one time to another; `None` stands for no time.
    pub fn reschedule(&mut self, endpoint: &OwnedEndpoint, from: Option<Duration>, to: Option<Duration>) {
        if from == to {
            return;
        }
        let namespace = &endpoint.0.namespace;
        if !self.namespaces.contains_key(namespace) {
            self.namespaces.insert(namespace.clone(), NamespaceProbes::default());
        }
        if let Some(probes) = self.namespaces.get_mut(namespace) {
            probes.due.reschedule(endpoint, from, to);
        }
        self.forget_if_idle(namespace);
    }

    /// Takes the endpoint whose turn it is, where there are so many places in all. It has one of them until that
    /// [ends](Self::end).
    pub fn begin(&mut self, now: Duration, places: usize) -> Option<OwnedEndpoint> {
        let has_room = |probes: &NamespaceProbes| probes.running < places.div_ceil(2);
        let namespace = self.next(now, has_room).or_else(|| self.next(now, |_| true))?;
        let probes = self.namespaces.get_mut(&namespace)?;
        let endpoint = probes.due.pop_due(now)?;
        probes.running += 1;
        self.last = namespace;
        Some(endpoint)
    }

    /// A probe of an endpoint of this namespace has ended.
    pub fn end(&mut self, namespace: &str) {
        if let Some(probes) = self.namespaces.get_mut(namespace) {
            probes.running = probes.running.saturating_sub(1);
        }
        self.forget_if_idle(namespace);
    }

    /// What is due since this moment at least; of each namespace the longest first.
    pub fn due(&self, moment: Duration) -> impl Iterator<Item = &OwnedEndpoint> {
        self.namespaces.values().flat_map(move |probes| probes.due.due(moment))
    }

    /// The earliest time at which one is due.
    #[must_use]
    pub fn earliest(&self) -> Option<Duration> {
        self.namespaces.values().filter_map(|probes| probes.due.earliest()).min()
    }

    /// The first namespace behind the one that had the last turn, of those that are due.
    fn next(&self, now: Duration, may_begin: impl Fn(&NamespaceProbes) -> bool) -> Option<String> {
        let later = self.namespaces.range::<str, _>((Excluded(self.last.as_str()), Unbounded));
        let mut all = later.chain(&self.namespaces);
        all.find(|(_, probes)| probes.is_due(now) && may_begin(probes))
            .map(|(namespace, _)| namespace.clone())
    }

    fn forget_if_idle(&mut self, namespace: &str) {
        if self.namespaces.get(namespace).is_some_and(NamespaceProbes::is_idle) {
            self.namespaces.remove(namespace);
        }
    }
}
