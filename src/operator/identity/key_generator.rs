//! Keys that take long to make. RSA keys are made on threads of their own, as many as were asked for: whoever needs
//! one orders it and is called when it is there, so nobody else waits.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::operator::index::IdentityId;
use crate::pki::{KeyAlgorithm, KeyError, PrivateKey};

type Orders = Arc<tokio::sync::Mutex<UnboundedReceiver<(IdentityId, KeyAlgorithm)>>>;
type Ready = Arc<Mutex<HashMap<IdentityId, (KeyAlgorithm, Result<PrivateKey, KeyError>)>>>;

/// Orders for keys, and the keys that are ready.
#[derive(Clone)]
pub struct KeyGenerator {
    orders: UnboundedSender<(IdentityId, KeyAlgorithm)>,
    ready: Ready,
}

impl KeyGenerator {
    /// A forge of so many threads. `call` says whether somebody still waits for a key that is there now.
    pub fn start(threads: usize, call: impl Fn(IdentityId) -> bool + Send + Sync + 'static) -> Self {
        let (orders, received) = unbounded_channel();
        let forge = Self { orders, ready: Arc::default() };
        let received = Arc::new(tokio::sync::Mutex::new(received));
        let call = Arc::new(call);
        for _ in 0..threads.max(1) {
            tokio::spawn(work(received.clone(), forge.ready.clone(), call.clone()));
        }
        forge
    }

    /// The key that was ordered for an identity, if it is there and of the right kind.
    ///
    /// # Errors
    /// [`KeyError`] where it could not be made.
    pub fn take(&self, id: IdentityId, algorithm: KeyAlgorithm) -> Result<Option<PrivateKey>, KeyError> {
        match self.ready.lock().remove(&id) {
            Some((made, key)) if made == algorithm => key.map(Some),
            _ => Ok(None),
        }
    }

    /// Orders a key for an identity.
    pub fn order(&self, id: IdentityId, algorithm: KeyAlgorithm) {
        // Fails only when the process ends, and then nobody waits for the key any more.
        let _ = self.orders.send((id, algorithm));
    }
}

async fn work(orders: Orders, ready: Ready, call: Arc<impl Fn(IdentityId) -> bool + Send + Sync + 'static>) {
    loop {
        let Some((id, algorithm)) = orders.lock().await.recv().await else { return };
        if let Ok(key) = tokio::task::spawn_blocking(move || PrivateKey::generate(algorithm)).await {
            ready.lock().insert(id, (algorithm, key));
        }
        if !call(id) {
            ready.lock().remove(&id);
        }
    }
}
