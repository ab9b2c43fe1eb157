//! What is known for probes: the identities with `spec.probes`, the endpoints of their Services, and the last probe of each.
//!
//! Only watches and lists add an identity: a response that comes late never brings back one that was deleted meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::due_times::DueTimes;
pub use super::endpoint_records::EndpointKey;
use super::endpoint_slices::Slices;
use super::probe_turns::ProbeTurns;
use super::probed_identity::ProbedIdentity;
use super::probed_object::ProbedObject;
use super::reason_counts::ReasonCounts;
use crate::api::MtlsIdentity;
use crate::api::namespaced_name::NamespacedName;
use crate::runtime::shared::Shared;

/// Everything that is known for probes.
#[derive(Debug, Default)]
pub struct ProbeState {
    /// Identities with `spec.probes`.
    pub identities: BTreeMap<Arc<NamespacedName>, Box<ProbedIdentity>>,
    /// Endpoints of Services.
    pub slices: Slices,
    /// When each endpoint is due for a probe.
    pub(super) due: ProbeTurns,
    /// When each verdict that status does not state may be written.
    pub(super) writes: DueTimes<Arc<NamespacedName>>,
    /// Identities of which something has changed since they were judged.
    pub(super) changed: BTreeSet<Arc<NamespacedName>>,
    /// Authorities whose issuer has changed since their identities were judged.
    pub(super) issuers: BTreeSet<Box<str>>,
    /// How many identities have each reason.
    pub(super) reasons: ReasonCounts,
    /// How many endpoints are ready.
    pub(super) endpoints: usize,
}

/// The state as the watches, the controller and rotations share it. The controller waits for its notifications.
///
/// # Lock order
/// No other lock is taken while it is held, and it is taken while no other lock is held.
pub type SharedProbeState = Shared<ProbeState>;

impl ProbeState {
    /// Applies an identity as a watch shows it. Like the other `apply` functions, it returns whether that may make a probe due.
    pub fn apply(&mut self, identity: &MtlsIdentity) -> bool {
        self.put(identity, |known, version| version >= known)
    }

    /// Applies an identity as a list shows it, whatever its version: a restored backup counts versions from an earlier one.
    pub fn apply_listed(&mut self, identity: &MtlsIdentity) -> bool {
        self.put(identity, |_, _| true)
    }

    /// Applies an identity as the response to a write shows it.
    pub fn apply_response(&mut self, identity: &MtlsIdentity) -> bool {
        self.is_known(identity) && self.apply(identity)
    }

    /// Applies an identity that was read because a version of it is stale: whatever its version, unless a watch has shown
    /// another state meanwhile.
    pub fn apply_read(&mut self, stale: u64, identity: &MtlsIdentity) -> bool {
        self.is_known(identity) && self.put(identity, |known, version| known == stale || version >= known)
    }

    fn is_known(&self, identity: &MtlsIdentity) -> bool {
        let known = self.identities.get(&name_of(identity));
        known.is_some_and(|known| known.object.is_same(identity))
    }

    /// Applies an identity, unless the version that is known is the current one.
    fn put(&mut self, identity: &MtlsIdentity, is_news: impl Fn(u64, u64) -> bool) -> bool {
        let name = name_of(identity);
        if identity.spec.probes.is_empty() || identity.metadata.deletion_timestamp.is_some() {
            self.remove(&name);
            return false;
        }
        let object = ProbedObject::new(identity);
        match self.identities.get(&name).map(|known| (known.object.uid, known.object.version)) {
            Some((uid, version)) if uid == object.uid => {
                if !is_news(version, object.version) {
                    return false;
                }
                if let Some(known) = self.identities.get_mut(&name) {
                    known.object = Arc::new(object);
                }
            }
            other => {
                if other.is_some() {
                    self.remove(&name);
                }
                self.identities.insert(Arc::new(name.clone()), Box::new(ProbedIdentity::new(object)));
            }
        }
        self.mark_changed(&name);
        true
    }

    /// Deletes an identity.
    pub fn delete(&mut self, namespace: &str, name: &str) {
        self.remove(&NamespacedName::new(namespace, name));
    }

    fn remove(&mut self, name: &NamespacedName) {
        let Some((name, probed)) = self.identities.remove_entry(name) else { return };
        self.changed.remove(&name);
        self.endpoints -= probed.records.ready();
        self.reasons.change(probed.reason, None);
        if probed.is_queued() {
            self.writes.reschedule(&name, Some(probed.write_after), None);
        }
        for endpoint in probed.records.iter().filter(|endpoint| endpoint.due.is_some()) {
            self.due.reschedule(&(name.clone(), endpoint.key.clone()), endpoint.due, None);
        }
    }

    /// Has an identity judged again in the next round.
    pub(super) fn mark_changed(&mut self, name: &NamespacedName) {
        if let Some((name, _)) = self.identities.get_key_value(name) {
            self.changed.insert(name.clone());
        }
    }

    /// Has the identities of an authority compared with its issuer in the next round.
    pub fn issuer_changed(&mut self, authority: &str) {
        self.issuers.insert(authority.into());
    }

    /// The names of the identities, within one namespace where one is given.
    #[must_use]
    pub fn names(&self, namespace: Option<&str>) -> Vec<NamespacedName> {
        let in_scope = |name: &&Arc<NamespacedName>| namespace.is_none_or(|of| name.namespace == of);
        self.identities.keys().filter(in_scope).map(|name| NamespacedName::clone(name)).collect()
    }

    /// How many endpoints are ready.
    #[must_use]
    pub const fn endpoints(&self) -> usize {
        self.endpoints
    }

    /// How many identities have a verdict with each reason.
    #[must_use]
    pub const fn reasons(&self) -> &ReasonCounts {
        &self.reasons
    }

    /// When a probe is due or a verdict may be written next; may have passed already.
    #[must_use]
    pub fn next_due(&self) -> Option<Duration> {
        [self.due.earliest(), self.writes.earliest()].into_iter().flatten().min()
    }

    /// Drops every observation: another replica may have led meanwhile.
    pub fn clear_observations(&mut self) {
        for probed in self.identities.values_mut() {
            probed.records.iter_mut().for_each(|endpoint| endpoint.record = None);
            probed.next = None;
        }
        self.mark_all();
    }

    /// Has every identity judged again in the next round.
    pub(super) fn mark_all(&mut self) {
        self.changed.extend(self.identities.keys().cloned());
    }

    /// The endpoints that block the switch of an authority to a root: those observed within ten minutes that did not trust
    /// it then, or were not probed with it yet, also where they cannot be reached any more. Where the operator is late with the
    /// next probe, the last one counts until then.
    #[must_use]
    pub fn blocking_endpoints(&self, authority: &str, root: &str, now: Duration) -> Vec<BlockingEndpoint> {
        let mut blocking = Vec::new();
        for (name, probed) in &self.identities {
            if *probed.object.authority != *authority {
                continue;
            }
            let mut addresses: Vec<SocketAddr> = (probed.records.iter())
                .filter(|endpoint| endpoint.blocks_switch(root, now))
                .map(|endpoint| endpoint.key.address)
                .collect();
            addresses.sort_unstable();
            addresses.dedup();
            let endpoint = |address| BlockingEndpoint { identity: NamespacedName::clone(name), address };
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

fn name_of(identity: &MtlsIdentity) -> NamespacedName {
    let meta = &identity.metadata;
    NamespacedName::new(meta.namespace.clone().unwrap_or_default(), meta.name.clone().unwrap_or_default())
}
