//! Identities that need a reconcile now: the classes in their order, and within a class the namespaces in turn.
//!
//! An identity waits once at most, and is never in work twice at once. What one namespace has waiting, or in work that hangs,
//! leaves at least half of the workers to others.

use std::collections::HashMap;

use super::class::Class;
use super::demand::Demand;
use super::pacing::Pacing;
use super::place::Place;
use super::requeue::Priority;
use super::share::Share;
use super::workers::{Bound, WorkerCount, Workers};
use crate::operator::index::IdentityId;
use crate::operator::index::digest::Digest;
use crate::operator::index::time::Millis;

/// What has the next turn.
#[derive(Clone, Copy)]
struct Next {
    priority: Priority,
    has_failed: bool,
    namespace: Digest,
}

/// The queue. Pure: tasks that wait for it wait elsewhere.
#[derive(Debug, Default)]
pub struct Queue {
    classes: [Class; Priority::ALL.len()],
    places: HashMap<IdentityId, Place>,
    /// Turns of renewals beside new identities, and how many eighths they have at least.
    renewals: Share,
    least_renewals: usize,
    workers: Workers,
    pacing: Pacing,
}

impl Queue {
    /// Queues an identity. A better place replaces a worse one.
    pub fn push(&mut self, id: IdentityId, place: Place) {
        if !self.workers.again(id, place) {
            self.enqueue(id, place);
        }
    }

    fn enqueue(&mut self, id: IdentityId, place: Place) {
        if self.places.get(&id).is_some_and(|before| *before <= place) {
            return;
        }
        self.take_out(id);
        let turns = self.class_mut(place.priority).turns_mut(place.has_failed);
        turns.insert(place.namespace, place.urgency, id);
        self.places.insert(id, place);
    }

    fn take_out(&mut self, id: IdentityId) {
        if let Some(place) = self.places.remove(&id) {
            let turns = self.class_mut(place.priority).turns_mut(place.has_failed);
            turns.remove(place.namespace, place.urgency, id);
        }
        if self.places.is_empty() {
            // A mass that has waited once leaves nothing behind.
            self.places = HashMap::new();
        }
    }

    /// From now on work begins at this pace.
    pub fn set_pacing(&mut self, pacing: Pacing) {
        self.pacing = pacing;
    }

    /// From now on there are so many workers to share.
    pub fn set_workers(&mut self, count: impl Into<WorkerCount>) {
        self.workers.set_count(count.into());
    }

    /// How many workers there are, if that is known.
    #[must_use]
    pub const fn workers(&self) -> Option<usize> {
        self.workers.count()
    }

    /// From now on renewals have at least so many eighths of the turns while new identities wait, too.
    pub fn set_renewals_share(&mut self, eighths: usize) {
        self.least_renewals = eighths;
    }

    /// The API server has asked for a pause: after it work begins with a few, and one more with each reconcile that ends.
    pub fn start_slowly(&mut self) {
        self.workers.start_slowly();
        self.pacing.throttled();
    }

    /// Takes the identity into work whose turn it is, if there is one that may begin now.
    pub fn pop(&mut self, now: Millis) -> Option<(IdentityId, Priority)> {
        let next = self.next(now)?;
        self.count_turn(next, now);
        let (_, id) = self.class_mut(next.priority).turns_mut(next.has_failed).take(next.namespace)?;
        let place = self.places.get(&id).copied()?;
        self.take_out(id);
        self.workers.begin(id, place, now);
        self.pacing.begin(id, next.priority, now);
        Some((id, next.priority))
    }

    /// What has the next turn. A namespace that has half of the workers comes after all others that may begin.
    fn next(&self, now: Millis) -> Option<Next> {
        if !self.workers.has_free(now) {
            return None;
        }
        let classes = self.classes(now);
        [Bound::Half, Bound::Most].into_iter().find_map(|bound| {
            classes.into_iter().flatten().find_map(|priority| self.next_of(priority, bound))
        })
    }

    /// The classes in the order of this turn, without those that may not begin.
    fn classes(&self, now: Millis) -> [Option<Priority>; Priority::ALL.len()] {
        let [new, due, background] = Priority::ALL;
        let renewals_first = self.renewals.is_of_second(self.eighths(now));
        let classes = if renewals_first { [due, new, background] } else { [new, due, background] };
        classes.map(|priority| Some(priority).filter(|_| self.waits_until(priority, now).is_none()))
    }

    fn next_of(&self, priority: Priority, bound: Bound) -> Option<Next> {
        let has_fresh = self.classes.iter().any(|class| !class.turns(false).is_empty());
        let allows_failed = self.workers.allow_failed(if has_fresh { Bound::Half } else { bound });
        let next =
            self.class(priority).next(allows_failed, |namespace| self.workers.allows(namespace, bound));
        next.map(|(has_failed, namespace)| Next { priority, has_failed, namespace })
    }

    /// Counts a turn among those that share them.
    fn count_turn(&mut self, next: Next, now: Millis) {
        let eighths = self.eighths(now);
        let is_contested = [Priority::New, Priority::Due].iter().all(|priority| self.depth(*priority) > 0);
        if is_contested && next.priority != Priority::Background {
            self.renewals.had_turn(eighths, next.priority == Priority::Due);
        }
        self.class_mut(next.priority).count_turn(next.has_failed);
    }

    /// The renewals' share of turns beside new identities.
    fn eighths(&self, now: Millis) -> usize {
        self.demand().eighths(self.pacing.renewal_takes(), now).max(self.least_renewals)
    }

    /// The renewals that wait.
    fn demand(&self) -> Demand {
        let due = self.class(Priority::Due);
        let most = self.workers.count().unwrap_or_else(|| self.pacing.most());
        Demand { waiting: due.len(), end: due.most_urgent(), most }
    }

    /// When a class may begin by its pace alone, if not now.
    fn waits_until(&self, priority: Priority, now: Millis) -> Option<Millis> {
        self.pacing.waits_until(priority, &self.demand(), now)
    }

    /// When the next identity may begin by time alone, if there is one.
    #[must_use]
    pub fn next_turn(&self, now: Millis) -> Option<Millis> {
        if self.is_empty() {
            return None;
        }
        if self.next(now).is_some() {
            return Some(now);
        }
        let waiting = Priority::ALL.into_iter().filter(|priority| self.depth(*priority) > 0);
        let paced = waiting.filter_map(|priority| self.waits_until(priority, now));
        paced.chain(self.workers.next_replaced(now)).min()
    }

    /// Work on an identity is about to end: how long it took says how busy the API server is. A failure says it only by how long
    /// it was waited for.
    pub fn answered(&mut self, id: IdentityId, has_failed: bool, now: Millis) {
        if !has_failed || self.workers.is_hanging(id, now) {
            self.workers.answered(id, now);
            self.pacing.answered(id, now);
        }
    }

    /// Ends the work on an identity. True if it was queued meanwhile, and so waits again.
    pub fn done(&mut self, id: IdentityId, now: Millis) -> bool {
        self.pacing.end(id, now);
        let again = self.workers.end(id);
        again.map(|place| self.enqueue(id, place)).is_some()
    }

    /// Forgets that an identity waits, or that it is to wait again.
    pub fn remove(&mut self, id: IdentityId) {
        self.take_out(id);
        self.workers.not_again(id);
    }

    /// Whether no identity waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Identities that wait with this priority.
    #[must_use]
    pub fn depth(&self, priority: Priority) -> usize {
        self.class(priority).len()
    }

    /// Whether an identity waits.
    #[must_use]
    pub fn is_waiting(&self, id: IdentityId) -> bool {
        self.places.contains_key(&id)
    }

    /// Identities in work.
    #[must_use]
    pub fn in_work(&self) -> usize {
        self.workers.count_in_work()
    }

    const fn class(&self, priority: Priority) -> &Class {
        &self.classes[priority as usize]
    }

    const fn class_mut(&mut self, priority: Priority) -> &mut Class {
        &mut self.classes[priority as usize]
    }
}
