//! Probes of endpoints as the state sees them: taken when due, and recorded or put back when they end.

use std::sync::Arc;
use std::time::Duration;

use super::candidates::Candidate;
use super::endpoint_records::{EndpointKey, OwnedEndpoint};
use super::store::ProbeState;
use crate::api::namespaced_name::NamespacedName;
use crate::plan::probe::schedule::{FRESH_FOR, INTERVAL, ProbeRecord};

impl ProbeState {
    /// Takes the endpoint whose turn it is, where so many are probed at once. It is in flight from now on.
    pub fn take_due(&mut self, now: Duration, at_once: usize) -> Option<(Candidate, EndpointKey)> {
        loop {
            let (name, key) = self.due.begin(now, at_once)?;
            let probed = self.identities.get_mut(&*name);
            if let Some(endpoint) = probed.and_then(|probed| probed.records.get_mut(&key)) {
                (endpoint.due, endpoint.is_in_flight) = (None, true);
            }
            if let Some(candidate) = self.candidate(&name, false) {
                return Some((candidate, key));
            }
            self.due.end(&name.namespace);
        }
    }

    /// Puts an endpoint back that could not be probed. It is due again at this moment.
    pub(super) fn put_back(&mut self, name: &Arc<NamespacedName>, key: EndpointKey, until: Duration) {
        self.due.end(&name.namespace);
        let probed = self.identities.get_mut(&**name);
        let Some(endpoint) = probed.and_then(|probed| probed.records.get_mut(&key)) else { return };
        endpoint.is_in_flight = false;
        let due = endpoint.is_ready.then_some(until);
        let before = std::mem::replace(&mut endpoint.due, due);
        self.due.reschedule(&(name.clone(), key), before, due);
    }

    /// Records a probe of an endpoint that has ended, also of one that is not known any more.
    pub fn record(&mut self, name: &NamespacedName, key: &EndpointKey, record: ProbeRecord) {
        self.due.end(&name.namespace);
        let probed = self.identities.get_mut(name);
        let Some(endpoint) = probed.and_then(|probed| probed.records.get_mut(key)) else { return };
        endpoint.is_in_flight = false;
        let record = match &endpoint.record {
            Some(before) => record.after(before),
            None => record,
        };
        endpoint.record = Some(Box::new(record));
        self.mark_changed(name);
    }

    /// How many endpoints are due.
    #[must_use]
    pub fn waiting(&self, now: Duration) -> usize {
        self.due.due(now).count()
    }

    /// How many endpoints have not been probed for as long as an observation counts, although they are due.
    #[must_use]
    pub fn overdue(&self, now: Duration) -> usize {
        // A probe is due at the latest this long after the last one.
        let Some(moment) = now.checked_sub(FRESH_FOR.saturating_sub(INTERVAL)) else { return 0 };
        let is_overdue = |(name, key): &&OwnedEndpoint| {
            let endpoint = self.identities.get(&**name).and_then(|probed| probed.records.find(key));
            endpoint.is_some_and(|endpoint| endpoint.is_overdue(now))
        };
        self.due.due(moment).filter(is_overdue).count()
    }

    /// The endpoints that are due; of each namespace the longest first.
    pub fn due(&self, now: Duration) -> impl Iterator<Item = &OwnedEndpoint> {
        self.due.due(now)
    }
}
