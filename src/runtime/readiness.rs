//! Readiness as ownership: each part that is awaited holds a handle, and the process is ready when the last one is dropped.
//! There is no flag that a part could forget to set.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// What is awaited.
#[derive(Clone, Default)]
pub struct Readiness(Arc<Awaited>);

#[derive(Default)]
struct Awaited {
    names: Mutex<BTreeMap<String, usize>>,
    changed: Notify,
}

/// Something that is awaited. Dropped when it has come.
#[must_use = "what is dropped is no longer awaited"]
pub struct ReadinessHandle {
    readiness: Readiness,
    name: String,
}

impl Readiness {
    /// Nothing is awaited yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Something is awaited until the handle is dropped.
    pub fn handle(&self, name: &str) -> ReadinessHandle {
        *self.0.names.lock().entry(name.to_owned()).or_default() += 1;
        ReadinessHandle { readiness: self.clone(), name: name.to_owned() }
    }

    /// What is awaited now.
    #[must_use]
    pub fn awaited(&self) -> Vec<String> {
        self.0.names.lock().keys().cloned().collect()
    }

    /// Waits until nothing is awaited.
    pub async fn ready(&self) {
        loop {
            let changed = self.0.changed.notified();
            if self.0.names.lock().is_empty() {
                return;
            }
            changed.await;
        }
    }
}

impl Drop for ReadinessHandle {
    fn drop(&mut self) {
        let mut names = self.readiness.0.names.lock();
        if let Some(count) = names.get_mut(&self.name) {
            *count -= 1;
            if *count == 0 {
                names.remove(&self.name);
            }
        }
        drop(names);
        self.readiness.0.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn ready_is_when_the_last_handle_is_dropped() {
        let readiness = Readiness::new();
        let (a, b) = (readiness.handle("a"), readiness.handle("b"));
        drop(a);
        assert_eq!(readiness.awaited(), ["b"]);
        let waiter = tokio::spawn({
            let readiness = readiness.clone();
            async move { readiness.ready().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiter.is_finished());
        drop(b);
        waiter.await.unwrap();
    }
}
