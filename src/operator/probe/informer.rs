//! What the watch of `EndpointSlice`s tells the probes.

use std::collections::BTreeSet;

use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::ResourceExt as _;

use super::endpoint_slices::{CONTROLLER, KEEPER, Name, SERVICE};
use super::store::SharedProbeState;
use crate::operator::client::watch::EventHandler;

/// `EndpointSlice`s of one namespace, or of all.
pub struct EndpointSlices {
    probes: SharedProbeState,
    scope: Option<String>,
    listed: BTreeSet<Name>,
}

impl EndpointSlices {
    /// Those of one namespace, or of all.
    #[must_use]
    pub const fn new(probes: SharedProbeState, scope: Option<String>) -> Self {
        Self { probes, scope, listed: BTreeSet::new() }
    }

    /// The labels that select those that the controller keeps for Services.
    #[must_use]
    pub fn labels() -> String {
        format!("{SERVICE},{KEEPER}={CONTROLLER}")
    }
}

impl EventHandler<EndpointSlice> for EndpointSlices {
    fn init(&mut self) {
        self.listed.clear();
    }

    fn apply(&mut self, object: EndpointSlice, is_from_list: bool) {
        self.probes.saw_slice(&object);
        if is_from_list {
            self.listed.insert((object.namespace().unwrap_or_default(), object.name_any()));
        }
    }

    fn delete(&mut self, object: EndpointSlice) {
        self.probes.lost_slice(&object.namespace().unwrap_or_default(), &object.name_any());
    }

    fn init_done(&mut self) {
        let listed = std::mem::take(&mut self.listed);
        let known = self.probes.lock().slices.names(self.scope.as_deref());
        let gone = known.iter().filter(|name| !listed.contains(name));
        gone.for_each(|(namespace, name)| self.probes.lost_slice(namespace, name));
    }
}
