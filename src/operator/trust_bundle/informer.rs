//! What the watches of published trust bundles tell the store.

use k8s_openapi::api::core::v1::ConfigMap;

use super::objects::BundleObject;
use super::shared::{SharedBundleStore, TrustBundles};
use super::store::ListScope;
use super::unread::{config_map, observed};
use crate::operator::client::api_object::MetadataOf;
use crate::operator::client::watch::EventHandler;
use crate::operator::index::listed::ListNumber;
use crate::operator::index::metadata::BundleMetadata;
use crate::runtime::clock::Clock;

/// Published trust bundles of one kind, for the store.
pub struct TrustBundleHandler {
    bundles: SharedBundleStore,
    clock: Clock,
    scope: ListScope,
    list: ListNumber,
}

impl TrustBundleHandler {
    /// Those in a scope.
    #[must_use]
    pub fn new(bundles: &TrustBundles, scope: ListScope) -> Self {
        Self {
            bundles: bundles.store.clone(),
            clock: bundles.context.clock.clone(),
            scope,
            list: ListNumber::default(),
        }
    }
}

impl EventHandler<MetadataOf<ConfigMap, BundleMetadata>> for TrustBundleHandler {
    fn init(&mut self) {
        self.list = self.bundles.lock().begin_list();
    }

    fn apply(&mut self, object: MetadataOf<ConfigMap, BundleMetadata>, is_from_list: bool) {
        let target = config_map(&object.metadata);
        self.bundles.change(|store| match observed(&object.metadata) {
            Some(seen) => store.apply_metadata(&target, seen, is_from_list),
            // It has the label, but was not made by this operator.
            None => store.remove(&target),
        });
    }

    fn delete(&mut self, object: MetadataOf<ConfigMap, BundleMetadata>) {
        let now = self.clock.now().as_millisecond();
        let target = config_map(&object.metadata);
        self.bundles.change(|store| store.delete(&target, &object.metadata.resource_version, now));
    }

    fn init_done(&mut self) {
        self.bundles.change(|store| store.end_list(self.scope.clone(), self.list));
    }
}

impl<K: BundleObject + Send> EventHandler<K> for TrustBundleHandler {
    fn init(&mut self) {
        self.list = self.bundles.lock().begin_list();
    }

    fn apply(&mut self, object: K, is_from_list: bool) {
        let target = object.target();
        self.bundles.change(|store| match object.observed() {
            Some(seen) => store.apply(&target, seen, is_from_list),
            // It has the label, but was not made by this operator.
            None => store.remove(&target),
        });
    }

    fn delete(&mut self, object: K) {
        let now = self.clock.now().as_millisecond();
        let version = object.meta().resource_version.clone().unwrap_or_default();
        let target = object.target();
        self.bundles.change(|store| {
            // The event holds its last state.
            if let Some(seen) = object.observed() {
                store.apply(&target, seen, false);
            }
            store.delete(&target, &version, now);
        });
    }

    fn init_done(&mut self) {
        self.bundles.change(|store| store.end_list(self.scope.clone(), self.list));
    }
}
