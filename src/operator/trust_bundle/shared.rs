//! The store of published trust bundles, as controllers and watches share it, and what the functions of this folder are handed.

use parking_lot::MutexGuard;
use tokio::sync::watch;

use super::store::BundleStore;
use crate::operator::context::Context;
use crate::runtime::shared::Shared;

/// The shared store, and whether ClusterTrustBundles are needed.
#[derive(Clone, Default)]
pub struct SharedBundleStore {
    store: Shared<BundleStore>,
    /// Whether an authority asks for a ClusterTrustBundle.
    asked: watch::Sender<bool>,
    /// Whether ConfigMaps are to be watched.
    config_maps: watch::Sender<bool>,
}

impl SharedBundleStore {
    /// The store, to read. Never held across an await.
    pub fn lock(&self) -> MutexGuard<'_, BundleStore> {
        self.store.lock()
    }

    /// Changes the store and notifies the controller.
    pub fn change<T>(&self, change: impl FnOnce(&mut BundleStore) -> T) -> T {
        self.store.change(change)
    }

    /// Notifies the controller of a change that publication depends on.
    pub fn notify(&self) {
        self.store.notify();
    }

    /// Waits for a notification since the last call.
    pub async fn changed(&self) {
        self.store.changed().await;
    }

    /// Notes whether an authority asks for a ClusterTrustBundle.
    pub fn ask_for_cluster(&self, is_asked: bool) {
        self.asked.send_if_modified(|asked| std::mem::replace(asked, is_asked) != is_asked);
    }

    /// Notes whether ConfigMaps are to be watched: an authority asks for one, or one is left.
    pub fn ask_for_config_maps(&self, is_asked: bool) {
        self.config_maps.send_if_modified(|asked| std::mem::replace(asked, is_asked) != is_asked);
    }

    /// Waits until ConfigMaps are to be watched, or not.
    pub async fn until_config_maps(&self, are_asked: bool) {
        // The sender lives as long as this does.
        let _ = self.config_maps.subscribe().wait_for(|asked| *asked == are_asked).await;
    }

    /// Waits until one does.
    pub async fn until_cluster_is_asked(&self) {
        // The sender lives as long as this does.
        let _ = self.asked.subscribe().wait_for(|asked| *asked).await;
    }
}

/// What the functions of this folder work with.
#[derive(Clone)]
pub struct TrustBundles {
    /// What all controllers share.
    pub context: Context,
    /// The published bundles.
    pub store: SharedBundleStore,
}
