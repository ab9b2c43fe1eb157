//! Keys that take long to generate: RSA keys, on threads of their own.
//!
//! An identity requests one and is reconciled again when it is generated, so that no other identity waits for it.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::operator::index::IdentityId;
use crate::pki::{KeyAlgorithm, KeyError, PrivateKey};

type Requests = Arc<tokio::sync::Mutex<UnboundedReceiver<(IdentityId, KeyAlgorithm)>>>;
type Ready = Arc<Mutex<HashMap<IdentityId, (KeyAlgorithm, Result<PrivateKey, KeyError>)>>>;

/// Requests for keys, and the keys that are ready.
#[derive(Clone)]
pub struct KeyGenerator {
    requests: UnboundedSender<(IdentityId, KeyAlgorithm)>,
    ready: Ready,
}

impl KeyGenerator {
    /// A generator of so many threads. `on_ready` says whether the identity still waits for the key that is there now.
    pub fn start(threads: usize, on_ready: impl Fn(IdentityId) -> bool + Send + Sync + 'static) -> Self {
        let (requests, received) = unbounded_channel();
        let generator = Self { requests, ready: Arc::default() };
        let received = Arc::new(tokio::sync::Mutex::new(received));
        let on_ready = Arc::new(on_ready);
        for _ in 0..threads.max(1) {
            tokio::spawn(work(received.clone(), generator.ready.clone(), on_ready.clone()));
        }
        generator
    }

    /// The key that was requested for an identity, if it is there and of the right kind.
    ///
    /// # Errors
    /// [`KeyError`] where it could not be generated.
    pub fn take(&self, id: IdentityId, algorithm: KeyAlgorithm) -> Result<Option<PrivateKey>, KeyError> {
        match self.ready.lock().remove(&id) {
            Some((made, key)) if made == algorithm => key.map(Some),
            _ => Ok(None),
        }
    }

    /// Requests a key for an identity.
    pub fn request(&self, id: IdentityId, algorithm: KeyAlgorithm) {
        // Fails only when the process ends, and then no identity waits for the key any more.
        let _ = self.requests.send((id, algorithm));
    }
}

async fn work(
    requests: Requests,
    ready: Ready,
    on_ready: Arc<impl Fn(IdentityId) -> bool + Send + Sync + 'static>,
) {
    loop {
        let Some((id, algorithm)) = requests.lock().await.recv().await else { return };
        if let Ok(key) = tokio::task::spawn_blocking(move || PrivateKey::generate(algorithm)).await {
            ready.lock().insert(id, (algorithm, key));
        }
        if !on_ready(id) {
            ready.lock().remove(&id);
        }
    }
}
