//! The ready endpoints of Services, as the `EndpointSlice`s of Kubernetes itself tell: of Pods of the same namespace, by
//! TCP.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};

use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};

/// Label of a slice that names its Service.
pub(super) const SERVICE: &str = "kubernetes.io/service-name";
/// Label of a slice that names who keeps it.
pub(super) const KEEPER: &str = "endpointslice.kubernetes.io/managed-by";
/// The controller that makes the slices of Services from the Pods that their selector finds.
pub(super) const CONTROLLER: &str = "endpointslice-controller.k8s.io";

/// Namespace and name of an object.
pub type Name = (String, String);

/// What one slice says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Slice {
    ports: BTreeSet<u16>,
    addresses: Vec<IpAddr>,
}

/// Every slice, by its Service.
#[derive(Debug, Default)]
pub struct Slices {
    by_service: BTreeMap<Name, BTreeMap<String, Slice>>,
    services: HashMap<Name, String>,
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
    /// A slice was seen. False where that is no news.
    pub fn saw(&mut self, object: &EndpointSlice) -> bool {
        let namespace = object.metadata.namespace.clone().unwrap_or_default();
        let name = object.metadata.name.clone().unwrap_or_default();
        let label = |key: &str| object.metadata.labels.as_ref()?.get(key);
        let is_of_controller = label(KEEPER).is_some_and(|keeper| keeper == CONTROLLER);
        let Some(service) = label(SERVICE).filter(|_| is_of_controller) else {
            return self.lost(&namespace, &name);
        };
        let slice = Slice::of(object, &namespace);
        let place = (namespace.clone(), name.clone());
        if self.services.get(&place).is_some_and(|before| before != service) {
            self.lost(&namespace, &name);
        }
        self.services.insert(place, service.clone());
        let slices = self.by_service.entry((namespace, service.clone())).or_default();
        slices.insert(name, slice.clone()).as_ref() != Some(&slice)
    }

    /// A slice was seen to be gone. False where that is no news.
    pub fn lost(&mut self, namespace: &str, name: &str) -> bool {
        let Some(service) = self.services.remove(&(namespace.to_owned(), name.to_owned())) else {
            return false;
        };
        let place = (namespace.to_owned(), service);
        let Some(slices) = self.by_service.get_mut(&place) else { return false };
        slices.remove(name);
        if slices.is_empty() {
            self.by_service.remove(&place);
        }
        true
    }

    /// The slices that are remembered, within one namespace where one is given.
    #[must_use]
    pub fn names(&self, namespace: Option<&str>) -> Vec<Name> {
        let in_scope = |place: &&Name| namespace.is_none_or(|namespace| place.0 == namespace);
        self.services.keys().filter(in_scope).cloned().collect()
    }

    /// The endpoints of a Service that have a port.
    #[must_use]
    pub fn endpoints(&self, namespace: &str, service: &str, port: u16) -> Endpoints {
        let mut found = Endpoints::default();
        let slices = self.by_service.get(&(namespace.to_owned(), service.to_owned()));
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
    fn of(object: &EndpointSlice, namespace: &str) -> Self {
        let tcp =
            object.ports.iter().flatten().filter(|port| port.protocol.as_deref().unwrap_or("TCP") == "TCP");
        let ready = object.endpoints.iter().filter(|endpoint| is_ready_pod(endpoint, namespace));
        Self {
            ports: tcp.filter_map(|port| u16::try_from(port.port?).ok()).collect(),
            // All addresses of an endpoint are the same Pod (and there is never more than one).
            addresses: ready.filter_map(|endpoint| endpoint.addresses.first()?.parse().ok()).collect(),
        }
    }
}

/// Whether an endpoint is said to be a Pod of this namespace that is ready. It keeps away what is made in good faith:
/// nodes, machines outside of the cluster. Whoever may write `EndpointSlice`s can say so of any address, and label the
/// slice as the controller does; no Pod is asked for.
fn is_ready_pod(endpoint: &Endpoint, namespace: &str) -> bool {
    let is_ready = endpoint.conditions.as_ref().and_then(|conditions| conditions.ready).unwrap_or(true);
    let is_pod = endpoint.target_ref.as_ref().is_some_and(|target| {
        target.kind.as_deref() == Some("Pod") && target.namespace.as_deref().is_none_or(|of| of == namespace)
    });
    is_ready && is_pod
}
