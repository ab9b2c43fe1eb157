//! Keys that take long to generate: RSA keys, on threads of their own.
//!
//! An identity requests one and is told when it is there, so that no other identity waits for it. A key that is not wanted any
//! more when its turn comes is not generated.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::key_orders::{KeyOrder, KeyOrders};
use crate::operator::index::IdentityId;
use crate::operator::scheduler::ready_keys::GeneratedKey;
use crate::pki::PrivateKey;

/// Requests for keys. A key that is ready is handed over at once, and none is kept here.
#[derive(Clone)]
pub struct KeyGenerator(Arc<Keys>);

#[derive(Default)]
struct Keys {
    orders: Mutex<KeyOrders>,
    ordered: Notify,
}

impl KeyGenerator {
    /// A generator of so many threads. `is_wanted` says whether an identity waits for its key, `on_ready` takes it.
    pub fn start(
        threads: usize,
        is_wanted: impl Fn(IdentityId) -> bool + Send + Sync + 'static,
        on_ready: impl Fn(IdentityId, Option<GeneratedKey>) + Send + Sync + 'static,
    ) -> Self {
        let generator = Self(Arc::default());
        let (is_wanted, on_ready) = (Arc::new(is_wanted), Arc::new(on_ready));
        for _ in 0..threads.max(1) {
            tokio::spawn(work(generator.0.clone(), is_wanted.clone(), on_ready.clone()));
        }
        generator
    }

    /// Requests a key for an identity.
    pub fn request(&self, order: KeyOrder) {
        self.0.orders.lock().insert(order);
        self.0.ordered.notify_one();
    }
}

async fn work(
    keys: Arc<Keys>,
    is_wanted: Arc<impl Fn(IdentityId) -> bool>,
    on_ready: Arc<impl Fn(IdentityId, Option<GeneratedKey>)>,
) {
    loop {
        let order = keys.orders.lock().begin(&*is_wanted);
        let Some((id, algorithm)) = order else {
            keys.ordered.notified().await;
            continue;
        };
        // Another thread may be idle: what woke this one may have been told of several orders.
        keys.ordered.notify_one();
        let generated = tokio::task::spawn_blocking(move || PrivateKey::generate(algorithm)).await;
        if keys.orders.lock().end(id, algorithm) {
            on_ready(id, generated.ok().map(|key| GeneratedKey { algorithm, key }));
        }
    }
}
