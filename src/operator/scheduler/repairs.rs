//! What is remembered of Secrets that others write too: how often each was repaired, and what an admission policy made of a
//! write.
//!
//! A request for renewal, by the annotation `renew`, ends every pause.

use std::sync::Arc;

use super::Scheduler;
use super::repair_backoff::Pause;
use crate::operator::index::IdentityId;
use crate::operator::index::identity::IdentityEntry;
use crate::operator::index::time::Millis;

impl Scheduler {
    /// The Secret of an identity was repaired.
    pub fn repaired(&mut self, id: IdentityId, now: Millis) {
        if let Some(entry) = self.index.entry(id) {
            self.repairs.repaired(id, entry.generation, now);
        }
    }

    /// Whether the next repair has to wait. From now on the identity is not reconciled before then.
    pub fn repair_pause(&mut self, id: IdentityId, now: Millis) -> Option<Pause> {
        let generation = self.index.entry(id)?.generation;
        self.repairs.pause(id, generation, now)
    }

    /// Remembers what of the last write was stored otherwise than it was sent, in a sentence.
    pub fn set_altered(&mut self, id: IdentityId, what: Option<Arc<str>>) {
        match what {
            Some(what) => drop(self.altered.insert(id, what)),
            None => drop(self.altered.remove(&id)),
        }
    }

    /// What of the last write was stored otherwise than it was sent.
    #[must_use]
    pub fn altered(&self, id: IdentityId) -> Option<Arc<str>> {
        self.altered.get(&id).cloned()
    }

    /// Whether the annotation `renew` has another value than before.
    pub(super) fn has_new_renew_request(&self, entry: &IdentityEntry) -> bool {
        let known = self.index.find(&entry.namespace, entry.name()).and_then(|id| self.index.entry(id));
        known.is_some_and(|known| entry.renew_request.is_some() && entry.renew_request != known.renew_request)
    }

    /// The next reconcile waits for no pause.
    pub(super) fn clear_pauses(&mut self, id: IdentityId) {
        self.backoff.clear(id);
        self.repairs.clear(id);
    }
}
