//! The ready endpoints of Services, by the `EndpointSlice`s of Kubernetes' own controller.
//!
//! Only TCP ports of ready Pods of the Service's own namespace count.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};

use super::probed_object::Probe;
use super::slice_object::{SliceEndpoint, SliceObject};
use crate::api::namespaced_name::NamespacedName;

/// Label of a slice that names its Service.
pub(super) const SERVICE: &str = "kubernetes.io/service-name";
/// Label of a slice that names the controller that manages it.
pub(super) const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
/// The controller that makes the slices of Services from the Pods that their selector finds.
pub(super) const CONTROLLER: &str = "endpointslice-controller.k8s.io";

/// Services of which is noted that they have changed.
const MAX_CHANGED: usize = 10_000;

/// The content of one slice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Slice {
    ports: BTreeSet<u16>,
    addresses: Vec<IpAddr>,
}

/// Every slice, by its Service.
#[derive(Debug, Default)]
pub struct Slices {
    by_service: BTreeMap<NamespacedName, BTreeMap<String, Slice>>,
    services: HashMap<NamespacedName, String>,
    /// Services whose endpoints have changed since they were last asked for.
    changed: HashSet<NamespacedName>,
}

/// The endpoints of a Service with some port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoints {
    /// Those that are ready.
    pub ready: BTreeSet<SocketAddr>,
    /// Ports that ready endpoints have.
    pub ports: BTreeSet<u16>,
}

impl Slices {
    /// Applies a slice. False where nothing changes.
    pub fn apply(&mut self, object: &SliceObject) -> bool {
        let (namespace, name) = (object.metadata.namespace.clone(), object.metadata.name.clone());
        let labels = &object.metadata.labels;
        let is_of_controller = labels.manager.as_deref() == Some(CONTROLLER);
        let Some(service) = labels.service.as_ref().filter(|_| is_of_controller) else {
            return self.delete(&namespace, &name);
        };
        let slice = Slice::of(object, &namespace);
        let key = NamespacedName::new(namespace.clone(), name.clone());
        if self.services.get(&key).is_some_and(|before| before != service) {
            self.delete(&namespace, &name);
        }
        self.services.insert(key, service.clone());
        let service = NamespacedName::new(namespace, service.clone());
        let slices = self.by_service.entry(service.clone()).or_default();
        let is_news = slices.insert(name, slice.clone()).as_ref() != Some(&slice);
        if is_news {
            self.note_changed(service);
        }
        is_news
    }

    /// Deletes a slice. False where it is not known.
    pub fn delete(&mut self, namespace: &str, name: &str) -> bool {
        let Some(service) = self.services.remove(&NamespacedName::new(namespace, name)) else {
            return false;
        };
        let key = NamespacedName::new(namespace, service);
        let Some(slices) = self.by_service.get_mut(&key) else { return false };
        slices.remove(name);
        if slices.is_empty() {
            self.by_service.remove(&key);
        }
        self.note_changed(key);
        true
    }

    /// A replica that does not lead asks for nothing: so much is noted and no more.
    fn note_changed(&mut self, service: NamespacedName) {
        if self.changed.len() < MAX_CHANGED {
            self.changed.insert(service);
        }
    }

    /// The Services whose endpoints have changed since the last call; `None` where these are too many to tell.
    pub(super) fn take_changed(&mut self) -> Option<HashSet<NamespacedName>> {
        let changed = std::mem::take(&mut self.changed);
        (changed.len() < MAX_CHANGED).then_some(changed)
    }

    /// The names of the known slices, within one namespace where one is given.
    #[must_use]
    pub fn names(&self, namespace: Option<&str>) -> Vec<NamespacedName> {
        let in_scope = |name: &&NamespacedName| namespace.is_none_or(|namespace| name.namespace == namespace);
        self.services.keys().filter(in_scope).cloned().collect()
    }

    /// The endpoints of each of these probes of a namespace, in their order.
    #[must_use]
    pub fn of_probes(&self, namespace: &str, probes: &[Probe]) -> Vec<Endpoints> {
        probes.iter().map(|probe| self.endpoints(namespace, &probe.service, probe.port)).collect()
    }

    /// The endpoints of a Service that have a port.
    #[must_use]
    pub fn endpoints(&self, namespace: &str, service: &str, port: u16) -> Endpoints {
        let mut found = Endpoints::default();
        let slices = self.by_service.get(&NamespacedName::new(namespace, service));
        for slice in slices.into_iter().flat_map(BTreeMap::values).filter(|slice| !slice.addresses.is_empty())
        {
            found.ports.extend(&slice.ports);
            if slice.ports.contains(&port) {
                found.ready.extend(slice.addresses.iter().map(|address| SocketAddr::new(*address, port)));
            }
        }
        found
    }
}

impl Slice {
    fn of(object: &SliceObject, namespace: &str) -> Self {
        let tcp =
            object.ports.iter().flatten().filter(|port| port.protocol.as_deref().unwrap_or("TCP") == "TCP");
        let ready = object.endpoints.iter().flatten().filter(|endpoint| is_ready_pod(endpoint, namespace));
        Self {
            ports: tcp.filter_map(|port| u16::try_from(port.port?).ok()).collect(),
            // All addresses of an endpoint are the same Pod (and there is never more than one).
            addresses: ready.filter_map(|endpoint| endpoint.addresses.first()?.parse().ok()).collect(),
        }
    }
}

/// Whether a slice declares an endpoint to be a ready Pod of this namespace. It excludes what is made in good faith: nodes,
/// machines outside of the cluster. A client that may write `EndpointSlice`s can declare this of any address, and label the
/// slice as the controller does; the Pod itself is not read.
fn is_ready_pod(endpoint: &SliceEndpoint, namespace: &str) -> bool {
    let is_ready = endpoint.conditions.as_ref().and_then(|conditions| conditions.ready).unwrap_or(true);
    let is_pod = endpoint.target_ref.as_ref().is_some_and(|target| {
        target.kind.as_deref() == Some("Pod") && target.namespace.as_deref().is_none_or(|of| of == namespace)
    });
    is_ready && is_pod
}
