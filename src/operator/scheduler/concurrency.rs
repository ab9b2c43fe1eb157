//! How many identities are in work at once, and what is learned of that from how long their work takes.
//!
//! An identity that waits for its key says nothing of the API server.

use super::Scheduler;
use super::pacing::Pacing;
use super::workers::WorkerCount;
use crate::operator::index::IdentityId;
use crate::operator::index::time::Millis;

impl Scheduler {
    /// From now on work begins at this pace.
    pub fn set_pacing(&mut self, pacing: Pacing) {
        self.queue.set_pacing(pacing);
    }

    /// From now on there are so many workers.
    pub fn set_workers(&mut self, count: impl Into<WorkerCount>) {
        self.queue.set_workers(count);
    }

    /// Work on an identity is about to end.
    pub(super) fn answered(&mut self, id: IdentityId, has_failed: bool, now: Millis) {
        if !self.suspended.contains(&id) {
            self.queue.answered(id, has_failed, now);
        }
    }
}
