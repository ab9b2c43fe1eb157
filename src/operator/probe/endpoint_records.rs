//! The endpoints of one identity: which are ready, the last probe of each, and when each is due.
//!
//! An endpoint that is being probed stays until that probe has ended: a server never has two of them at a time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::api::namespaced_name::NamespacedName;
use crate::plan::probe::schedule::{FRESH_FOR, ProbeRecord};
use crate::plan::probe::verdict::Expected;

/// An endpoint of an identity, as one of its probes addresses it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EndpointKey {
    /// Name of the probe.
    pub probe: Arc<str>,
    /// Address and port.
    pub address: SocketAddr,
}

/// An endpoint together with its identity.
pub type OwnedEndpoint = (Arc<NamespacedName>, EndpointKey);

/// What is known of an endpoint.
#[derive(Debug)]
pub struct Endpoint {
    /// Which it is.
    pub key: EndpointKey,
    /// The last probe of it.
    pub record: Option<Box<ProbeRecord>>,
    /// Since when it is known, by the monotonic clock.
    pub since: Duration,
    /// When it is due for the next, as it is scheduled.
    pub due: Option<Duration>,
    /// Whether it is ready.
    pub is_ready: bool,
    /// Whether it is being probed.
    pub is_in_flight: bool,
}

impl Endpoint {
    const fn new(key: EndpointKey, is_ready: bool, since: Duration) -> Self {
        Self { key, record: None, since, due: None, is_ready, is_in_flight: false }
    }

    /// Whether it blocks the switch to a root: by an observation that is fresh, or that is not because the operator is late with
    /// the next probe.
    #[must_use]
    pub fn blocks_switch(&self, root: &str, now: Duration) -> bool {
        let is_late = self.is_in_flight || self.due.is_some_and(|due| due <= now);
        self.record.as_ref().is_some_and(|record| {
            record.blocks_switch(root, now) || (is_late && record.would_block_switch(root))
        })
    }

    /// Whether it has not been probed for as long as an observation counts.
    #[must_use]
    pub fn is_overdue(&self, now: Duration) -> bool {
        let since = self.record.as_ref().map_or(self.since, |record| record.monotonic);
        now.saturating_sub(since) > FRESH_FOR
    }

    /// When it is due for a probe, by what its server is expected to be like; `None` where it is not to be probed, or is being
    /// probed.
    #[must_use]
    pub fn due_by(&self, expected: &Expected) -> Option<Duration> {
        let is_free = self.is_ready && !self.is_in_flight;
        is_free.then(|| self.record.as_ref().map_or(Duration::ZERO, |record| record.due(expected)))
    }
}

/// The endpoints of one identity, in the order of their keys.
#[derive(Debug, Default)]
pub struct EndpointRecords(Vec<Endpoint>);

impl EndpointRecords {
    /// How many of them were probed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.iter().filter(|endpoint| endpoint.record.is_some()).count()
    }

    /// Whether none was probed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many of them are ready.
    #[must_use]
    pub fn ready(&self) -> usize {
        self.0.iter().filter(|endpoint| endpoint.is_ready).count()
    }

    /// The record of an endpoint.
    #[must_use]
    pub fn get(&self, key: &EndpointKey) -> Option<&ProbeRecord> {
        self.find(key)?.record.as_deref()
    }

    /// An endpoint.
    #[must_use]
    pub fn find(&self, key: &EndpointKey) -> Option<&Endpoint> {
        self.position(key).ok().map(|at| &self.0[at])
    }

    /// An endpoint, to change it.
    pub fn get_mut(&mut self, key: &EndpointKey) -> Option<&mut Endpoint> {
        self.position(key).ok().map(|at| &mut self.0[at])
    }

    /// Every endpoint.
    pub fn iter(&self) -> impl Iterator<Item = &Endpoint> {
        self.0.iter()
    }

    /// Every endpoint, to change it.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Endpoint> {
        self.0.iter_mut()
    }

    /// Sets the record of an endpoint.
    pub fn insert(&mut self, key: EndpointKey, record: ProbeRecord) {
        let at = match self.position(&key) {
            Ok(at) => at,
            Err(at) => {
                self.0.insert(at, Endpoint::new(key, false, record.monotonic));
                at
            }
        };
        self.0[at].record = Some(Box::new(record));
    }

    /// Sets which endpoints are ready now, and returns those that are not known any more.
    pub fn set_ready(&mut self, mut ready: Vec<EndpointKey>, now: Duration) -> Vec<Endpoint> {
        ready.sort_unstable();
        let is_known = self.0.iter().map(|endpoint| &endpoint.key).eq(&ready);
        if is_known {
            self.0.iter_mut().for_each(|endpoint| endpoint.is_ready = true);
            return Vec::new();
        }
        let (mut known, mut gone) = (std::mem::take(&mut self.0).into_iter().peekable(), Vec::new());
        let mut all = Vec::with_capacity(ready.len());
        let mut leave = |mut endpoint: Endpoint, all: &mut Vec<Endpoint>| {
            endpoint.is_ready = false;
            if endpoint.is_in_flight { all.push(endpoint) } else { gone.push(endpoint) }
        };
        for key in ready {
            while let Some(endpoint) = known.next_if(|endpoint| endpoint.key < key) {
                leave(endpoint, &mut all);
            }
            let before = known.next_if(|endpoint| endpoint.key == key);
            let before = before.map(|before| Endpoint { is_ready: true, ..before });
            all.push(before.unwrap_or_else(|| Endpoint::new(key, true, now)));
        }
        known.for_each(|endpoint| leave(endpoint, &mut all));
        self.0 = all;
        gone
    }

    fn position(&self, key: &EndpointKey) -> Result<usize, usize> {
        self.0.binary_search_by(|endpoint| endpoint.key.cmp(key))
    }
}
