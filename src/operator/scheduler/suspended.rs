//! Identities whose key is being generated.
//!
//! They are in neither queue nor deadlines once their work has ended.

use super::Scheduler;
use crate::operator::index::IdentityId;
use crate::operator::index::time::Millis;

impl Scheduler {
    /// Whether the key of an identity is being generated.
    #[must_use]
    pub fn is_suspended(&self, id: IdentityId) -> bool {
        self.suspended.contains(&id)
    }

    /// The key of an identity is being generated: it needs no reconcile before that has ended.
    pub fn suspend(&mut self, id: IdentityId) {
        self.suspended.insert(id);
    }

    /// The key of an identity is there. False if the identity does not wait for it any more.
    pub fn resume(&mut self, id: IdentityId, now: Millis) -> bool {
        let was_suspended = self.suspended.remove(&id);
        if was_suspended {
            self.reschedule(id, now);
        }
        was_suspended
    }
}
