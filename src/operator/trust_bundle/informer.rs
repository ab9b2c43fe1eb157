//! Handlers of the watches of published trust bundles, for the store.

use super::objects::BundleObject;
use super::shared::{SharedBundleStore, TrustBundles};
use super::store::ListScope;
use crate::operator::client::watch::EventHandler;
use crate::operator::index::listed::ListNumber;
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
