//! Where an identity belongs after whatever was learned of it: in the queue, among the deadlines, or in neither.
//!
//! One that waits keeps the deadline by which time alone changes what it needs, so that nothing that holds it up hides that its
//! renewal has come, or that its leaf has ended.

use super::place::Place;
use super::requeue::{Priority, Requeue, next_reconcile, until_expiry};
use super::requeue_inputs::RequeueInputs;
use super::{STALLS_AFTER, Scheduler};
use crate::operator::index::IdentityId;
use crate::operator::index::digest::digest;
use crate::operator::index::identity::IdentityEntry;
use crate::operator::index::time::{Millis, Second, millis, seconds};
use crate::plan::identity::ready::ReadyReason;

impl Scheduler {
    /// Puts an identity where it belongs. True if it waits in the queue.
    pub(super) fn reschedule(&mut self, id: IdentityId, now: Millis) -> bool {
        let Some(requeue) = self.next_reconcile(id, now) else { return false };
        let floor_until = self.floor_until(id, now);
        if let (Requeue::Now(_), Some(until)) = (requeue, floor_until) {
            self.note_held(id, until, now);
        }
        let Some(entry) = self.index.entry(id) else { return false };
        let backoff_until = self.backoff.until(id, entry.generation, now);
        let backoff_until = backoff_until.max(self.repair_until(id, entry, now));
        let backoff_until = backoff_until.max(floor_until).filter(|until| *until > now);
        if !matches!(requeue, Requeue::Now(_)) {
            self.keys.forget(id);
        }
        let at = match (requeue, backoff_until) {
            (Requeue::Now(priority), None) => {
                let (place, changes_at) = (self.place(id, entry, priority, now), changes_at(entry, now));
                self.deadlines.set(id, changes_at);
                self.queue.push(id, place);
                return true;
            }
            (Requeue::Now(_), Some(until)) => Some(until).into_iter().chain(changes_at(entry, now)).min(),
            (Requeue::At(second), _) => Some(millis(second)),
            (Requeue::OnChange, _) => None,
        };
        self.queue.remove(id);
        self.deadlines.set(id, at);
        false
    }

    /// The place of an identity that waits with this priority for anything.
    #[must_use]
    pub fn place_of(&self, id: IdentityId, priority: Priority, now: Millis) -> Option<Place> {
        Some(self.place(id, self.index.entry(id)?, priority, now))
    }

    /// The place of an identity that needs a reconcile now. Peers refuse a leaf whose signer is distrusted as if it had ended.
    fn place(&self, id: IdentityId, entry: &IdentityEntry, priority: Priority, now: Millis) -> Place {
        let is_before_its_time = entry.recorded.renewal.is_some_and(|renewal| millis(renewal.get()) > now);
        let urgency = match priority {
            Priority::Due if is_before_its_time => 0,
            _ => entry.recorded.not_after.unwrap_or(entry.first_seen).get(),
        };
        let has_failed = self.backoff.has_failed(id, entry.generation);
        Place { priority, has_failed, urgency, namespace: digest(&entry.namespace) }
    }

    /// Until when a repair waits. The pause is interrupted where status calls a leaf ready that has ended: then status says so.
    fn repair_until(&self, id: IdentityId, entry: &IdentityEntry, now: Millis) -> Option<Millis> {
        let has_ended = entry.recorded.not_after.is_some_and(|end| after(end) <= now);
        self.repairs.until(id, entry.generation, now).filter(|_| !(entry.recorded.is_ready && has_ended))
    }

    /// When an identity is tried again at the latest after a failure, because its status would say what is not so any more.
    pub(super) fn retried_by(&self, entry: &IdentityEntry, now: Millis) -> Option<Millis> {
        let expires_at = entry.recorded.not_after.filter(|_| entry.recorded.is_ready).map(after);
        let expires_at = expires_at.filter(|at| *at > now);
        expires_at.into_iter().chain(self.conflict_stalls_at(entry, now)).min()
    }

    /// From when on a refusal of an identity needs a person. What cures it may be in the same commit, and clients that wait for
    /// the whole of that give up at the first `Stalled`.
    #[must_use]
    pub fn stalls_at(&self, entry: &IdentityEntry) -> Millis {
        self.policy.changed(entry).saturating_add(STALLS_AFTER)
    }

    /// A conflict is tried again ever more seldom, but its status says in time that it needs a person.
    pub(super) fn conflict_stalls_at(&self, entry: &IdentityEntry, now: Millis) -> Option<Millis> {
        let is_conflict = entry.recorded.reason == Some(ReadyReason::SecretConflict) && entry.is_current;
        Some(self.stalls_at(entry)).filter(|at| is_conflict && !entry.recorded.is_stalled && *at > now)
    }

    pub(super) fn next_reconcile(&self, id: IdentityId, now: Millis) -> Option<Requeue> {
        let entry = self.index.entry(id)?;
        if self.policy.is_served_elsewhere(entry.authority) {
            return Some(Requeue::OnChange);
        }
        if self.suspended.contains(&id) {
            return Some(until_expiry(entry, Priority::New, seconds(now)));
        }
        let Some(namespace) = self.policy.namespace(&entry.namespace) else {
            return Some(Requeue::OnChange);
        };
        let secret = self.index.secret(&entry.namespace, &entry.secret_name());
        if namespace.is_terminating && secret.is_none() && !entry.is_deleting {
            return Some(Requeue::OnChange);
        }
        let inputs = RequeueInputs {
            secret,
            authority: self.policy.authority(entry.authority),
            permission: self.policy.permission(entry),
            stalls_at: seconds(self.stalls_at(entry)),
            now: seconds(now),
        };
        Some(next_reconcile(entry, inputs))
    }
}

/// The next moment at which time alone changes what an identity needs.
fn changes_at(entry: &IdentityEntry, now: Millis) -> Option<Millis> {
    let renewal = entry.recorded.renewal.map(|renewal| millis(renewal.get()));
    let moments = renewal.into_iter().chain(entry.recorded.not_after.map(after));
    moments.filter(|at| *at > now).min()
}

/// The first moment at which a leaf with this end has expired.
fn after(end: Second) -> Millis {
    millis(end.get().saturating_add(1))
}
