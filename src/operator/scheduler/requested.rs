//! Reconciles that people cause, and the floor between them.
//!
//! Whatever time alone asks for waits for no floor, and neither does the first certificate.

use super::Scheduler;
use super::floor::Request;
use super::held_request::HeldRequest;
use crate::operator::index::IdentityId;
use crate::operator::index::digest::digest;
use crate::operator::index::identity::IdentityEntry;
use crate::operator::index::time::{Millis, seconds};
use crate::plan::identity::leaf_rules::is_renewal_requested;

/// So many wait to be told of at most: where nothing tells of them they are not kept.
const MOST_HELD: usize = 100;

impl Scheduler {
    /// The floor holds an identity up until then.
    pub(super) fn note_held(&mut self, id: IdentityId, until: Millis, now: Millis) {
        let Some(entry) = self.index.entry(id).filter(|_| self.held.len() < MOST_HELD) else { return };
        if self.floor.tell(id, digest(&entry.namespace), now) {
            let (namespace, name) = (entry.namespace.clone(), entry.name().to_owned());
            self.held.push(HeldRequest { namespace, name, until });
        }
    }

    /// Requests of people that are held back and were not told of yet.
    pub fn take_held(&mut self) -> Vec<HeldRequest> {
        std::mem::take(&mut self.held)
    }

    /// Until when the floor holds an identity up, if people cause its reconcile.
    pub(super) fn floor_until(&self, id: IdentityId, now: Millis) -> Option<Millis> {
        let entry = self.index.entry(id)?;
        let request = request(entry).filter(|_| !is_asked_by_time(entry, seconds(now)))?;
        self.floor.until(id, digest(&entry.namespace), request, now)
    }

    /// A reconcile of an identity begins: it is counted, if people have caused it.
    pub(super) fn count_request(&mut self, id: IdentityId, now: Millis) {
        if let Some((entry, request)) = self.index.entry(id).and_then(|entry| Some((entry, request(entry)?)))
        {
            self.floor.begin(id, digest(&entry.namespace), request, now);
        }
    }
}

/// What people ask of an identity that its status does not answer yet.
fn request(entry: &IdentityEntry) -> Option<Request> {
    let is_requested =
        is_renewal_requested(entry.renew_request.as_ref(), entry.recorded.renew_request.as_ref());
    (is_requested || !entry.is_current).then_some((entry.generation, entry.renew_request))
}

/// Whether an identity has no certificate yet, or one that has ended or whose renewal has come.
fn is_asked_by_time(entry: &IdentityEntry, now: i64) -> bool {
    let has_ended = entry.recorded.not_after.is_none_or(|end| end.get() < now);
    has_ended || entry.recorded.renewal.is_some_and(|renewal| renewal.get() <= now)
}
