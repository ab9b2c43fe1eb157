//! What needs a look, and when: the index, the schedule, the queue and the backoffs, kept consistent under one lock.
//! Watches tell it what they see, workers take from it.

pub mod backoff;
pub mod deadlines;
mod due;
pub mod pacing;
pub mod queue;
pub mod repair_backoff;
mod repairs;
pub mod requeue;
pub mod requeue_inputs;
mod watch_events;
mod write_results;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use self::backoff::Backoff;
use self::deadlines::Deadlines;
use self::pacing::Pacing;
use self::queue::Queue;
use self::repair_backoff::RepairBackoff;
use self::requeue::{Priority, Requeue, attention};
use self::requeue_inputs::RequeueInputs;
use super::index::{IdentityId, Index};
use crate::api::identity::MtlsIdentity;
use crate::operator::index::digest::{Digest, digest};
use crate::operator::index::identity::IdentityEntry;
use crate::operator::index::leaf_secret::SecretEntry;
use crate::operator::index::policy::PolicyIndex;
use crate::operator::index::time::Millis;
use crate::plan::identity::ready::ReadyReason;

/// A refusal that another object can cure needs a person after this long.
const STALLS_AFTER: Millis = 60_000;

/// One identity to look at.
#[derive(Debug)]
pub struct ReconcileRequest {
    /// Its place.
    pub id: IdentityId,
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: String,
    /// Why it is looked at, roughly.
    pub class: Priority,
    /// The object, where it was kept.
    pub identity: Option<Box<MtlsIdentity>>,
    /// The Secret of the name it wants, by its metadata.
    pub secret: Option<SecretEntry>,
}

/// A clock that is set back by less than this is taken for one that goes on.
const A_SECOND: Millis = 1000;

/// The board.
#[derive(Debug, Default)]
pub struct Scheduler {
    index: Index,
    queue: Queue,
    schedule: Deadlines,
    retries: Backoff,
    repairs: RepairBackoff,
    kept: HashMap<IdentityId, Box<MtlsIdentity>>,
    jurisdiction: PolicyIndex,
    /// Identities, with their authority, whose Secret was seen behind its signer since somebody last asked.
    behind: HashSet<(Digest, IdentityId)>,
    /// Identities that wait for a key of theirs to be made.
    parked: HashSet<IdentityId>,
    /// The clock at the last sweep.
    swept_at: Millis,
    /// What the API server has stored otherwise than it was sent, in a sentence.
    altered: HashMap<IdentityId, Arc<str>>,
    revision: u64,
}

impl Scheduler {
    /// The index, to read.
    #[must_use]
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// The queue, to read.
    #[must_use]
    pub fn queue(&self) -> &Queue {
        &self.queue
    }

    /// The backoffs, to read.
    #[must_use]
    pub fn retries(&self) -> &Backoff {
        &self.retries
    }

    /// Namespaces and authorities, to read.
    #[must_use]
    pub fn jurisdiction(&self) -> &PolicyIndex {
        &self.jurisdiction
    }

    /// When time alone makes something need a look, or gives it its turn.
    #[must_use]
    pub fn earliest(&self, now: Millis) -> Option<Millis> {
        self.schedule.earliest().into_iter().chain(self.queue.next_turn(now)).min()
    }

    /// Counts every change of what is remembered of identities.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Whether a Secret of this authority was seen behind since the last call, but for identities that are excluded.
    pub fn take_behind(&mut self, authority: &str, excluded: &[String]) -> bool {
        let authority = digest(authority);
        let index = &self.index;
        let taken = self.behind.extract_if(|(of, _)| *of == authority);
        let counts = |id| {
            let entry = index.entry(id);
            entry.is_none_or(|entry| !excluded.contains(&format!("{}/{}", entry.namespace, entry.name)))
        };
        // All of them are taken, whether or not they count.
        taken.filter(|(_, id)| counts(*id)).count() > 0
    }

    /// An identity waits for its key.
    pub fn park(&mut self, id: IdentityId) {
        self.parked.insert(id);
    }

    /// The key of an identity is there. False if nobody waits for it.
    pub fn unpark(&mut self, id: IdentityId, now: Millis) -> bool {
        let waited = self.parked.remove(&id);
        if waited {
            self.settle(id, now);
        }
        waited
    }

    /// Puts every identity whose deadline has come where it belongs. True if somebody waits in the queue.
    pub fn sweep(&mut self, now: Millis) -> bool {
        if now.saturating_add(A_SECOND) < std::mem::replace(&mut self.swept_at, now) {
            self.was_set_back(now);
        }
        while let Some(id) = self.schedule.pop_due(now) {
            self.settle(id, now);
        }
        !self.queue.is_empty()
    }

    /// The clock was set back: no backoff lasts longer for it, and leaves may have been issued ahead of time.
    fn was_set_back(&mut self, now: Millis) {
        let is_ahead = |entry: &IdentityEntry| entry.recorded.not_before.saturating_mul(1000) > now;
        let ahead = self.index.entries().filter(|(_, entry)| is_ahead(entry)).map(|(id, _)| id);
        let affected: Vec<IdentityId> = self.retries.ids().chain(ahead).collect();
        for id in affected {
            self.settle(id, now);
        }
    }

    /// From now on whoever waits keeps to this pace.
    pub fn keep_to(&mut self, pace: Pacing) {
        self.queue.keep_to(pace);
    }

    /// The next identity to look at. One that no longer needs it is passed over.
    pub fn take(&mut self, now: Millis) -> Option<ReconcileRequest> {
        loop {
            let (id, class) = self.queue.pop(now)?;
            if !matches!(self.attention(id, now), Some(Requeue::Now(_))) {
                self.queue.done(id, now);
                self.settle(id, now);
                continue;
            }
            let identity = self.kept.remove(&id);
            let entry = self.index.entry(id)?;
            let secret = self.index.secret(&entry.namespace, &entry.secret_name()).cloned();
            let (namespace, name) = (entry.namespace.clone(), entry.name.to_string());
            return Some(ReconcileRequest { id, namespace, name, class, identity, secret });
        }
    }

    /// Work on an identity has ended. One that still needs a look, though nothing has changed meanwhile, backs off.
    pub fn done(&mut self, id: IdentityId, has_failed: bool, now: Millis) {
        let is_queued_again = self.queue.done(id, now);
        let Some(entry) = self.index.entry(id) else { return };
        let generation = entry.generation;
        let needs_a_look = matches!(self.attention(id, now), Some(Requeue::Now(_)));
        let stalls_at = self.conflict_stalls_at(entry, now);
        if has_failed || (needs_a_look && !is_queued_again) {
            self.retries.failed(id, generation, now);
            if let Some(at) = stalls_at {
                self.retries.no_later_than(id, at);
            }
            self.queue.remove(id);
        } else if !needs_a_look {
            self.retries.clear(id);
        }
        self.settle(id, now);
    }

    /// Queues or schedules an identity, or neither. True if it waits in the queue.
    fn settle(&mut self, id: IdentityId, now: Millis) -> bool {
        let Some(need) = self.attention(id, now) else { return false };
        let Some(entry) = self.index.entry(id) else { return false };
        let held_back = self.retries.until(id, entry.generation, now);
        let held_back = held_back.max(self.repairs.until(id, entry.generation, now));
        let held_back = held_back.filter(|until| *until > now);
        let urgency = entry.recorded.not_after;
        let at = match (need, held_back) {
            (Requeue::Now(class), None) => {
                self.schedule.set(id, None);
                self.queue.push(id, class, urgency);
                return true;
            }
            (Requeue::Now(_), Some(until)) => Some(until),
            (Requeue::At(second), _) => Some(second.saturating_mul(1000)),
            (Requeue::OnChange, _) => None,
        };
        self.queue.remove(id);
        self.schedule.set(id, at);
        false
    }

    /// From when on a refusal of an identity needs a person, in milliseconds since 1970. What cures it may lie in the same
    /// commit, and clients that wait for the whole of it give up at the first `Stalled`.
    #[must_use]
    pub fn stalls_at(&self, entry: &IdentityEntry) -> Millis {
        self.jurisdiction.changed(entry).saturating_add(STALLS_AFTER)
    }

    /// A conflict is tried again ever more seldom, but its status says in time that it needs a person.
    fn conflict_stalls_at(&self, entry: &IdentityEntry, now: Millis) -> Option<Millis> {
        let is_conflict = entry.recorded.reason == Some(ReadyReason::SecretConflict) && entry.is_current();
        Some(self.stalls_at(entry)).filter(|at| is_conflict && !entry.recorded.is_stalled && *at > now)
    }

    fn attention(&self, id: IdentityId, now: Millis) -> Option<Requeue> {
        let entry = self.index.entry(id)?;
        if self.parked.contains(&id) || self.jurisdiction.is_anothers(entry.authority) {
            return Some(Requeue::OnChange);
        }
        let Some(namespace) = self.jurisdiction.namespace(&entry.namespace) else {
            return Some(Requeue::OnChange);
        };
        let secret = self.index.secret(&entry.namespace, &entry.secret_name());
        if namespace.is_terminating && secret.is_none() && !entry.is_going {
            return Some(Requeue::OnChange);
        }
        let around = RequeueInputs {
            secret,
            authority: self.jurisdiction.authority(entry.authority),
            permission: self.jurisdiction.permission(entry),
            stalls_at: self.stalls_at(entry).div_euclid(1000),
            now: now.div_euclid(1000),
        };
        Some(attention(entry, around))
    }
}
