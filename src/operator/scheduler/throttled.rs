//! What follows from a pause that the API server asks for.
//!
//! It is no failure of the identities that it meets.

use super::Scheduler;
use crate::operator::index::IdentityId;
use crate::operator::index::time::Millis;

impl Scheduler {
    /// The API server has asked for a pause, and it has passed.
    pub fn start_slowly(&mut self) {
        self.queue.start_slowly();
    }

    /// Work on an identity has ended because the API server asks for a pause. That is no failure of the identity: it keeps its
    /// place, and the pause of all is its backoff.
    pub fn put_back(&mut self, id: IdentityId, now: Millis) {
        self.queue.done(id, now);
        self.reschedule(id, now);
    }
}
