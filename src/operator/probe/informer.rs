//! The watch of `EndpointSlice`s, for the probe state.
//!
//! A list replaces what is known: a slice that it does not name is deleted.

use super::endpoint_slices::{CONTROLLER, MANAGED_BY, SERVICE};
use super::slice_object::SliceObject;
use super::store::SharedProbeState;
use crate::api::namespaced_name::NamespacedName;
use crate::operator::client::watch::EventHandler;
use crate::operator::index::listed::ListedKeys;

/// `EndpointSlice`s of one namespace, or of all.
pub struct EndpointSlices {
    probes: SharedProbeState,
    scope: Option<String>,
    listed: ListedKeys<NamespacedName>,
}

impl EndpointSlices {
    /// Those of one namespace, or of all.
    #[must_use]
    pub fn new(probes: SharedProbeState, scope: Option<String>) -> Self {
        Self { probes, scope, listed: ListedKeys::default() }
    }

    /// Selects the slices of Services that Kubernetes' own controller manages.
    #[must_use]
    pub fn labels() -> String {
        format!("{SERVICE},{MANAGED_BY}={CONTROLLER}")
    }
}

impl EventHandler<SliceObject> for EndpointSlices {
    fn init(&mut self) {
        self.listed.start();
    }

    fn apply(&mut self, object: SliceObject, is_from_list: bool) {
        self.probes.change_if(|probes| probes.slices.apply(&object));
        if is_from_list {
            self.listed.insert(NamespacedName::new(object.metadata.namespace, object.metadata.name));
        }
    }

    fn delete(&mut self, object: SliceObject) {
        let metadata = object.metadata;
        self.probes.change_if(|probes| probes.slices.delete(&metadata.namespace, &metadata.name));
    }

    fn init_done(&mut self) {
        let listed = self.listed.finish();
        self.probes.change_if(|probes| {
            let mut gone = probes.slices.names(self.scope.as_deref());
            gone.retain(|name| !listed.contains(name));
            for NamespacedName { namespace, name } in &gone {
                probes.slices.delete(namespace, name);
            }
            !gone.is_empty()
        });
    }
}
