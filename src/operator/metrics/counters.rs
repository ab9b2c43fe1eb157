//! Counters with labels that name an authority, so that they are removed with the authority.

use std::collections::{HashMap, HashSet};
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

/// Counters by labels, and the labels by authority.
#[derive(Clone)]
pub(super) struct AuthorityCounters<L> {
    family: Family<L, Counter>,
    labels: Arc<Mutex<HashMap<String, HashSet<L>>>>,
}

impl<L: Clone + Debug + Eq + Hash> Default for AuthorityCounters<L> {
    fn default() -> Self {
        Self { family: Family::default(), labels: Arc::default() }
    }
}

impl<L: Clone + Debug + Eq + Hash> AuthorityCounters<L> {
    /// The family to register.
    pub(super) fn family(&self) -> Family<L, Counter> {
        self.family.clone()
    }

    /// One more with these labels.
    pub(super) fn count(&self, authority: &str, labels: L) {
        self.family.get_or_create(&labels).inc();
        self.labels.lock().entry(authority.to_owned()).or_default().insert(labels);
    }

    /// Removes the counters of an authority.
    pub(super) fn remove(&self, authority: &str) {
        for labels in self.labels.lock().remove(authority).into_iter().flatten() {
            self.family.remove(&labels);
        }
    }
}
