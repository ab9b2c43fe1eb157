//! The ledger of published trust bundles, as the parts of this process share it.

use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{Notify, watch};

use super::store::BundleStore;

/// The ledger, and a bell that rings when something has changed.
#[derive(Clone, Default)]
pub struct SharedBundleStore {
    ledger: Arc<Mutex<BundleStore>>,
    changed: Arc<Notify>,
    /// Whether an authority asks for a ClusterTrustBundle.
    asked: watch::Sender<bool>,
}

impl SharedBundleStore {
    /// The ledger, to read. Never held across an await.
    pub fn lock(&self) -> MutexGuard<'_, BundleStore> {
        self.ledger.lock()
    }

    /// Changes the ledger and rings the bell.
    pub fn change<T>(&self, change: impl FnOnce(&mut BundleStore) -> T) -> T {
        let result = change(&mut self.ledger.lock());
        self.ring();
        result
    }

    /// Something changed that publication depends on.
    pub fn ring(&self) {
        self.changed.notify_one();
    }

    /// Waits until the bell has rung since the last call.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Says whether an authority asks for a ClusterTrustBundle.
    pub fn ask_for_cluster(&self, is_asked: bool) {
        self.asked.send_if_modified(|asked| std::mem::replace(asked, is_asked) != is_asked);
    }

    /// Waits until one does.
    pub async fn until_cluster_is_asked(&self) {
        // The sender lives as long as this does.
        let _ = self.asked.subscribe().wait_for(|asked| *asked).await;
    }
}
