//! What is known for probes: the identities with `spec.probes`, the endpoints of their Services, and the last probe of each.
//!
//! Only watches and lists add an identity: a response that comes late never brings back one that was deleted meanwhile.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::endpoint_slices::{Endpoints, Slices};
use crate::api::MtlsIdentity;
use crate::api::namespaced_name::NamespacedName;
use crate::operator::index::digest::version_number;
use crate::plan::probe::schedule::ProbeRecord;
use crate::plan::probe::verdict::{Expected, NextRoot, ServingVerdict};
use crate::runtime::shared::Shared;

/// An endpoint of an identity, as one of its probes addresses it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EndpointKey {
    /// Name of the probe.
    pub probe: String,
    /// Address and port.
    pub address: SocketAddr,
}

/// An identity with `spec.probes`.
#[derive(Debug)]
pub struct ProbedIdentity {
    /// The object.
    pub identity: Arc<MtlsIdentity>,
    /// The last probe of each endpoint.
    pub records: HashMap<EndpointKey, ProbeRecord>,
    /// Endpoints that are being probed.
    pub in_flight: HashSet<EndpointKey>,
    /// The announced root that its Secret carries.
    pub next: Option<NextRoot>,
    /// The verdict that the object states already, in this version.
    pub stated: Option<(Option<String>, ServingVerdict)>,
    /// Whether its status is being written.
    pub is_writing: bool,
    /// When its status was last written, by the monotonic clock.
    pub written_at: Option<Duration>,
}

/// An identity as a round finds it.
#[derive(Debug)]
pub(super) struct Candidate {
    /// Namespace and name.
    pub name: NamespacedName,
    /// The object.
    pub identity: Arc<MtlsIdentity>,
    /// The endpoints of each of its probes, in the order of `spec.probes`.
    pub endpoints: Vec<Endpoints>,
    /// The announced root that its Secret carried in the round before.
    pub next: Option<NextRoot>,
}

/// Everything that is known for probes.
#[derive(Debug, Default)]
pub struct ProbeState {
    /// Identities with `spec.probes`.
    pub identities: BTreeMap<NamespacedName, ProbedIdentity>,
    /// Endpoints of Services.
    pub slices: Slices,
}

/// The state as the watches, the controller and rotations share it. The controller waits for its notifications.
///
/// # Lock order
/// No other lock is taken while it is held, and it is taken while no other lock is held.
pub type SharedProbeState = Shared<ProbeState>;

impl ProbeState {
    /// Applies an identity as a watch shows it. Like the other `apply` functions, it returns whether that may make a probe due.
    pub fn apply(&mut self, identity: &MtlsIdentity) -> bool {
        self.put(identity, |known| version(identity) >= version(&known.identity))
    }

    /// Applies an identity as a list shows it, whatever its version: a restored backup counts versions from an earlier one.
    pub fn apply_listed(&mut self, identity: &MtlsIdentity) -> bool {
        self.put(identity, |_| true)
    }

    /// Applies an identity as the response to a write shows it.
    pub fn apply_response(&mut self, identity: &MtlsIdentity) -> bool {
        self.is_known(identity) && self.apply(identity)
    }

    /// Applies an identity that was read because `stale` is: whatever its version, unless a watch has shown another state
    /// meanwhile.
    pub fn apply_read(&mut self, stale: &MtlsIdentity, identity: &MtlsIdentity) -> bool {
        self.is_known(identity)
            && self.put(identity, |known| {
                let is_stale = known.identity.metadata.resource_version == stale.metadata.resource_version;
                is_stale || version(identity) >= version(&known.identity)
            })
    }

    fn is_known(&self, identity: &MtlsIdentity) -> bool {
        self.identities.get(&name_of(identity)).is_some_and(|known| is_same(&known.identity, identity))
    }

    fn put(&mut self, identity: &MtlsIdentity, is_current: impl Fn(&ProbedIdentity) -> bool) -> bool {
        let name = name_of(identity);
        if identity.spec.probes.is_empty() || identity.metadata.deletion_timestamp.is_some() {
            self.identities.remove(&name);
            return false;
        }
        match self.identities.get_mut(&name).filter(|known| is_same(&known.identity, identity)) {
            Some(known) if !is_current(known) => return false,
            Some(known) => known.identity = Arc::new(identity.clone()),
            None => {
                self.identities.insert(name, ProbedIdentity::new(identity));
            }
        }
        true
    }

    /// Deletes an identity.
    pub fn delete(&mut self, namespace: &str, name: &str) {
        self.identities.remove(&NamespacedName::new(namespace, name));
    }

    /// The names of the identities, within one namespace where one is given.
    #[must_use]
    pub fn names(&self, namespace: Option<&str>) -> Vec<NamespacedName> {
        let in_scope = |name: &&NamespacedName| namespace.is_none_or(|namespace| name.namespace == namespace);
        self.identities.keys().filter(in_scope).cloned().collect()
    }

    /// Drops every observation: another replica may have led meanwhile.
    pub fn clear_observations(&mut self) {
        for probed in self.identities.values_mut() {
            probed.records.clear();
            probed.next = None;
        }
    }

    /// Every identity with its endpoints. Drops the records of endpoints that are not ready any more.
    pub(super) fn candidates(&mut self) -> Vec<Candidate> {
        let Self { identities, slices } = self;
        let candidate = |(name, probed): (&NamespacedName, &mut ProbedIdentity)| {
            let endpoints = slices.of_probes(&probed.identity);
            probed.keep_records_of(&endpoints);
            let (identity, next) = (probed.identity.clone(), probed.next.clone());
            Candidate { name: name.clone(), identity, endpoints, next }
        };
        identities.iter_mut().map(candidate).collect()
    }

    /// An identity, if it is still as a round has found it.
    pub(super) fn unchanged(&self, candidate: &Candidate) -> Option<&ProbedIdentity> {
        let probed = self.identities.get(&candidate.name)?;
        Arc::ptr_eq(&probed.identity, &candidate.identity).then_some(probed)
    }

    /// Notes the announced root that the Secret of an identity carries.
    pub(super) fn note_next_root(&mut self, candidate: &Candidate, expected: &Expected) {
        if let Some(probed) = self.identities.get_mut(&candidate.name)
            && Arc::ptr_eq(&probed.identity, &candidate.identity)
            && probed.next != expected.next
        {
            probed.next.clone_from(&expected.next);
        }
    }

    /// Records a probe of an endpoint that has ended.
    pub(super) fn record(&mut self, name: &NamespacedName, endpoint: EndpointKey, record: ProbeRecord) {
        let Some(probed) = self.identities.get_mut(name) else { return };
        probed.in_flight.remove(&endpoint);
        let record = match probed.records.get(&endpoint) {
            Some(before) => record.after(before),
            None => record,
        };
        probed.records.insert(endpoint, record);
    }

    /// The endpoints that block the switch of an authority to a root: those observed within ten minutes that did not trust
    /// it then, or were not probed with it yet, also where they cannot be reached any more.
    #[must_use]
    pub fn blocking_endpoints(&self, authority: &str, root: &str, now: Duration) -> Vec<BlockingEndpoint> {
        let mut blocking = Vec::new();
        for (name, probed) in &self.identities {
            if probed.identity.spec.authority_ref.name != authority {
                continue;
            }
            let mut addresses: Vec<SocketAddr> = (probed.records.iter())
                .filter(|(_, record)| record.blocks_switch(root, now))
                .map(|(endpoint, _)| endpoint.address)
                .collect();
            addresses.sort_unstable();
            addresses.dedup();
            let endpoint = |address| BlockingEndpoint { identity: name.clone(), address };
            blocking.extend(addresses.into_iter().map(endpoint));
        }
        blocking
    }
}

/// An endpoint that blocks a switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockingEndpoint {
    /// Its identity.
    pub identity: NamespacedName,
    /// Its address.
    pub address: SocketAddr,
}

impl ProbedIdentity {
    fn new(identity: &MtlsIdentity) -> Self {
        Self {
            identity: Arc::new(identity.clone()),
            records: HashMap::new(),
            in_flight: HashSet::new(),
            next: None,
            stated: None,
            is_writing: false,
            written_at: None,
        }
    }

    fn keep_records_of(&mut self, endpoints: &[Endpoints]) {
        let probes = &self.identity.spec.probes;
        self.records.retain(|endpoint, _| {
            let mut found = probes.iter().zip(endpoints);
            found.any(|(probe, endpoints)| {
                probe.name == endpoint.probe && endpoints.ready.contains(&endpoint.address)
            })
        });
    }
}

fn name_of(identity: &MtlsIdentity) -> NamespacedName {
    let meta = &identity.metadata;
    NamespacedName::new(meta.namespace.clone().unwrap_or_default(), meta.name.clone().unwrap_or_default())
}

fn is_same(one: &MtlsIdentity, other: &MtlsIdentity) -> bool {
    one.metadata.uid == other.metadata.uid
}

fn version(identity: &MtlsIdentity) -> u64 {
    version_number(identity.metadata.resource_version.as_deref().unwrap_or_default())
}
