//! What is remembered for probes: the identities that ask for them, the endpoints of their Services, and the last look
//! at each.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::discovery::v1::EndpointSlice;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

use super::endpoint_slices::{Name, Slices};
use crate::api::MtlsIdentity;
use crate::operator::index::digest::version_number;
use crate::plan::probe::schedule::ProbeRecord;
use crate::plan::probe::verdict::{NextRoot, ServingVerdict};

/// An endpoint, as one probe of an identity looks at it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Target {
    /// Name of the probe.
    pub probe: String,
    /// Its address.
    pub address: SocketAddr,
}

/// An identity that asks for probes.
#[derive(Debug)]
pub struct ProbedIdentity {
    /// The object.
    pub identity: Arc<MtlsIdentity>,
    /// The last look at each target.
    pub looks: HashMap<Target, ProbeRecord>,
    /// Targets that are being looked at.
    pub in_sight: HashSet<Target>,
    /// The announced root that its Secret carries.
    pub next: Option<NextRoot>,
    /// The version of the object that was found to say this already.
    pub settled: Option<(Option<String>, ServingVerdict)>,
    /// Whether its status is being written.
    pub is_writing: bool,
    /// When its status was written last, by the monotonic clock.
    pub written: Option<Duration>,
}

/// All of it.
#[derive(Debug, Default)]
pub struct ProbeState {
    /// Identities that ask for probes.
    pub wards: BTreeMap<Name, ProbedIdentity>,
    /// Endpoints.
    pub slices: Slices,
}

/// The memory, shared, and a bell that rings when something in it has changed.
#[derive(Clone, Default)]
pub struct SharedProbeState {
    memory: Arc<Mutex<ProbeState>>,
    changed: Arc<Notify>,
}

impl SharedProbeState {
    /// The memory. Never held across an await.
    pub fn lock(&self) -> MutexGuard<'_, ProbeState> {
        self.memory.lock()
    }

    /// Waits until something has changed since the last call.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Rings the bell.
    pub fn ring(&self) {
        self.changed.notify_one();
    }

    /// An identity was seen by a watch, or in the answer to a write.
    pub fn saw(&self, identity: &MtlsIdentity) {
        self.take(identity, |ward| version(identity) >= version(&ward.identity));
    }

    /// A list shows an identity. It is believed whatever its version: a restored backup counts its versions from an earlier
    /// one.
    pub fn listed(&self, identity: &MtlsIdentity) {
        self.take(identity, |_| true);
    }

    /// An identity was asked for, because this state of it was stale, and was found so. It is believed whatever its version,
    /// unless another state was seen meanwhile.
    pub fn asked_again(&self, stale: &MtlsIdentity, identity: &MtlsIdentity) {
        self.take(identity, |ward| {
            let is_known = ward.identity.metadata.resource_version == stale.metadata.resource_version;
            is_known || version(identity) >= version(&ward.identity)
        });
    }

    fn take(&self, identity: &MtlsIdentity, is_believed: impl Fn(&ProbedIdentity) -> bool) {
        let name = name_of(identity);
        let mut memory = self.lock();
        if identity.spec.probes.is_empty() || identity.metadata.deletion_timestamp.is_some() {
            memory.wards.remove(&name);
            return;
        }
        match memory.wards.get_mut(&name).filter(|ward| is_same(&ward.identity, identity)) {
            Some(ward) if !is_believed(ward) => return,
            Some(ward) => ward.identity = Arc::new(identity.clone()),
            None => {
                memory.wards.insert(name, ProbedIdentity::new(identity));
            }
        }
        drop(memory);
        self.ring();
    }

    /// An identity was seen to be gone.
    pub fn lost(&self, namespace: &str, name: &str) {
        self.lock().wards.remove(&(namespace.to_owned(), name.to_owned()));
    }

    /// Identities that these are not among are gone.
    pub fn keep(&self, is_known: impl Fn(&Name) -> bool) {
        self.lock().wards.retain(|name, _| is_known(name));
    }

    /// A slice was seen.
    pub fn saw_slice(&self, slice: &EndpointSlice) {
        if self.lock().slices.saw(slice) {
            self.ring();
        }
    }

    /// A slice was seen to be gone.
    pub fn lost_slice(&self, namespace: &str, name: &str) {
        if self.lock().slices.lost(namespace, name) {
            self.ring();
        }
    }

    /// What was seen before counts no more: another process may have led meanwhile.
    pub fn forget(&self) {
        for ward in self.lock().wards.values_mut() {
            ward.looks.clear();
            ward.next = None;
        }
    }

    /// The endpoints that hold a switch to this root up: those seen within ten minutes that did not trust it then, or
    /// were not asked yet, also where they cannot be reached any more.
    #[must_use]
    pub fn holding_up(&self, authority: &str, root: &str, now: Duration) -> Vec<BlockingEndpoint> {
        let memory = self.lock();
        let mut holders = Vec::new();
        for ((namespace, name), ward) in &memory.wards {
            if ward.identity.spec.authority_ref.name != authority {
                continue;
            }
            let mut behind: Vec<SocketAddr> = (ward.looks.iter())
                .filter(|(_, look)| look.holds_up(root, now))
                .map(|(target, _)| target.address)
                .collect();
            behind.sort_unstable();
            behind.dedup();
            let identity = format!("{namespace}/{name}");
            holders.extend(
                behind.into_iter().map(|address| BlockingEndpoint { identity: identity.clone(), address }),
            );
        }
        holders
    }
}

/// An endpoint that holds a switch up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockingEndpoint {
    /// Its identity, as `<namespace>/<name>`.
    pub identity: String,
    /// Its address.
    pub address: SocketAddr,
}

impl ProbedIdentity {
    fn new(identity: &MtlsIdentity) -> Self {
        Self {
            identity: Arc::new(identity.clone()),
            looks: HashMap::new(),
            in_sight: HashSet::new(),
            next: None,
            settled: None,
            is_writing: false,
            written: None,
        }
    }
}

fn name_of(identity: &MtlsIdentity) -> Name {
    let meta = &identity.metadata;
    (meta.namespace.clone().unwrap_or_default(), meta.name.clone().unwrap_or_default())
}

fn is_same(one: &MtlsIdentity, other: &MtlsIdentity) -> bool {
    one.metadata.uid == other.metadata.uid
}

fn version(identity: &MtlsIdentity) -> u64 {
    version_number(identity.metadata.resource_version.as_deref().unwrap_or_default())
}
