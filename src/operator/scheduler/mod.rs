//! Which identity is reconciled next, and when: index, deadlines, queue and backoffs under one lock.
//!
//! Watches tell it what they see, the identity controller takes from it; an identity is in work, in the queue or in neither.
//!
//! ```text
//! watches, answers ─▶ index ─▶ requeue ─▶ now:   queue (by class and turn) ─▶ in work ─▶ done
//!                                 │       later: deadlines ─▶ sweep ─▶ requeue
//!                                 └────── never: until something changes
//! ```

pub mod adaptive_limit;
mod background;
pub mod backoff;
mod class;
mod concurrency;
pub mod deadlines;
pub mod demand;
mod due;
mod floor;
pub mod held_request;
pub mod pacing;
pub mod place;
pub mod queue;
pub mod ready_keys;
pub mod repair_backoff;
mod repairs;
mod requested;
pub mod requeue;
pub mod requeue_inputs;
mod reschedule;
mod secret_events;
mod share;
mod suspended;
mod throttled;
mod turns;
mod watch_events;
pub mod workers;
mod write_results;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use self::backoff::Backoff;
use self::deadlines::Deadlines;
use self::floor::Floor;
use self::held_request::HeldRequest;
use self::queue::Queue;
use self::ready_keys::ReadyKeys;
use self::repair_backoff::RepairBackoff;
use self::requeue::{Priority, Requeue};
use super::index::{IdentityId, Index};
use crate::api::namespaced_name::NamespacedName;
use crate::operator::index::digest::{Digest, digest};
use crate::operator::index::identity::IdentityEntry;
use crate::operator::index::leaf_secret::SecretEntry;
use crate::operator::index::policy::PolicyIndex;
use crate::operator::index::texts::Texts;
use crate::operator::index::time::{Millis, millis};

/// A refusal that another object can cure needs manual action after this long: then `Stalled` says so.
const STALLS_AFTER: Millis = 60_000;

/// A clock that is set back by less than this is taken for one that goes on.
const A_SECOND: Millis = 1000;

/// One identity to reconcile.
#[derive(Debug)]
pub struct ReconcileRequest {
    /// Its id in the index.
    pub id: IdentityId,
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: String,
    /// Why it is reconciled, roughly.
    pub priority: Priority,
    /// What is remembered of it.
    pub entry: IdentityEntry,
    /// The Secret of the name that it asks for, by its metadata.
    pub secret: Option<SecretEntry>,
}

/// The scheduler of identities.
///
/// # Guarantees
/// * An identity in work is not in the queue. In the queue, and suspended, it keeps the deadline by which time alone changes what
///   it needs (tests/laws/guarantees.rs).
/// * An identity in work is handed out again only after [`Scheduler::done`].
/// * An identity that needs a reconcile by time alone has a deadline at that time or before.
///
/// # Assumptions
/// * The time that it is given is the wall clock's; it may be set back or jump. [`Scheduler::sweep`] is called at least every half
///   minute.
/// * Every [`Scheduler::next`] is followed by one [`Scheduler::done`].
///
/// # Lock order
/// It is shared behind one lock, held for a moment and never across an await. While it is held no other lock is taken; who holds
/// the lock of the published trust bundles or of the probes may take it.
#[derive(Debug, Default)]
pub struct Scheduler {
    index: Index,
    queue: Queue,
    deadlines: Deadlines,
    backoff: Backoff,
    repairs: RepairBackoff,
    floor: Floor,
    /// What the floor holds back and is to be told.
    held: Vec<HeldRequest>,
    /// Texts of the objects of identities, which saves reading them again.
    texts: Texts,
    policy: PolicyIndex,
    /// Identities, with their authority, whose Secret was seen lagging behind its signer since this was asked last.
    lagging: HashSet<(Digest, IdentityId)>,
    /// Identities whose key is being generated.
    suspended: HashSet<IdentityId>,
    /// Keys that were generated and not taken yet.
    keys: ReadyKeys,
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
    pub fn backoff(&self) -> &Backoff {
        &self.backoff
    }

    /// The deadlines, to read.
    #[must_use]
    pub fn deadlines(&self) -> &Deadlines {
        &self.deadlines
    }

    /// Namespaces and authorities, to read.
    #[must_use]
    pub fn policy(&self) -> &PolicyIndex {
        &self.policy
    }

    /// When time alone makes an identity need a reconcile, or lets one begin that waits.
    #[must_use]
    pub fn earliest(&self, now: Millis) -> Option<Millis> {
        self.deadlines.earliest().into_iter().chain(self.queue.next_turn(now)).min()
    }

    /// Counts every change of what is remembered of identities.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Whether a Secret of this authority was seen lagging since the last call, but for identities that are excluded.
    pub fn take_lagging(&mut self, authority: &str, excluded: &[&NamespacedName]) -> bool {
        let authority = digest(authority);
        let index = &self.index;
        let taken = self.lagging.extract_if(|(of, _)| *of == authority);
        let counts = |id| {
            let entry = index.entry(id);
            entry.is_none_or(|entry| !excluded.iter().any(|name| name.is(&entry.namespace, entry.name())))
        };
        // All of them are taken, whether or not they count.
        taken.filter(|(_, id)| counts(*id)).count() > 0
    }

    /// Puts every identity whose deadline has come where it belongs. True if one waits in the queue.
    pub fn sweep(&mut self, now: Millis) -> bool {
        if now.saturating_add(A_SECOND) < std::mem::replace(&mut self.swept_at, now) {
            self.clock_was_set_back(now);
        }
        while let Some(id) = self.deadlines.pop_due(now) {
            self.reschedule(id, now);
        }
        !self.queue.is_empty()
    }

    /// The clock was set back: no backoff lasts longer for it, and leaves may have been issued ahead of time.
    fn clock_was_set_back(&mut self, now: Millis) {
        let is_ahead = |entry: &IdentityEntry| {
            entry.recorded.not_before.is_some_and(|beginning| millis(beginning.get()) > now)
        };
        let ahead = self.index.entries().filter(|(_, entry)| is_ahead(entry)).map(|(id, _)| id);
        let affected: Vec<IdentityId> = self.backoff.ids().chain(ahead).collect();
        for id in affected {
            self.reschedule(id, now);
        }
    }

    /// The next identity to reconcile. One that no longer needs it is passed over.
    pub fn next(&mut self, now: Millis) -> Option<ReconcileRequest> {
        loop {
            let (id, priority) = self.queue.pop(now)?;
            self.deadlines.set(id, None);
            if !matches!(self.next_reconcile(id, now), Some(Requeue::Now(_))) {
                self.queue.done(id, now);
                self.reschedule(id, now);
                continue;
            }
            self.count_request(id, now);
            let entry = self.index.entry(id)?.clone();
            let secret = self.index.secret(&entry.namespace, &entry.secret_name()).cloned();
            let (namespace, name) = (entry.namespace.clone(), entry.name().to_owned());
            return Some(ReconcileRequest { id, namespace, name, priority, entry, secret });
        }
    }

    /// Work on an identity has ended. One that still needs a reconcile, though nothing has changed meanwhile, backs off.
    pub fn done(&mut self, id: IdentityId, has_failed: bool, now: Millis) {
        self.answered(id, has_failed, now);
        let is_queued_again = self.queue.done(id, now);
        let Some(entry) = self.index.entry(id) else { return };
        let generation = entry.generation;
        let is_due = matches!(self.next_reconcile(id, now), Some(Requeue::Now(_)));
        let retried_by = self.retried_by(entry, now);
        if has_failed || (is_due && !is_queued_again) {
            self.backoff.failed(id, generation, now);
            if let Some(at) = retried_by {
                self.backoff.no_later_than(id, at);
            }
            self.queue.remove(id);
        } else if !is_due {
            self.backoff.clear(id);
        }
        self.reschedule(id, now);
    }
}
