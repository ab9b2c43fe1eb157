//! Identities that need a reconcile now, in the order of their priorities.
//!
//! An identity waits once at most, and is never in work twice at once.

use std::collections::{BTreeSet, HashMap};

use super::pacing::Pacing;
use super::requeue::Priority;
use crate::operator::index::IdentityId;
use crate::operator::index::time::Millis;

/// Position in the queue: priority, then what is most urgent in it, then the id.
type Position = (Priority, i64, IdentityId);

/// The queue. Pure: tasks that wait for it wait elsewhere.
#[derive(Debug, Default)]
pub struct Queue {
    waiting: BTreeSet<Position>,
    positions: HashMap<IdentityId, Position>,
    depths: [usize; Priority::ALL.len()],
    /// Identities in work, each with the position to take afterwards, if it was queued meanwhile.
    in_work: HashMap<IdentityId, Option<Position>>,
    pacing: Pacing,
}

impl Queue {
    /// Queues an identity. `urgency` orders within a priority, smallest first. A better position replaces a worse one.
    pub fn push(&mut self, id: IdentityId, priority: Priority, urgency: i64) {
        let position = (priority, urgency, id);
        if let Some(again) = self.in_work.get_mut(&id) {
            *again = Some(again.map_or(position, |before| before.min(position)));
        } else {
            self.enqueue(position);
        }
    }

    fn enqueue(&mut self, position: Position) {
        let id = position.2;
        match self.positions.get(&id) {
            Some(before) if *before <= position => return,
            Some(_) => self.take_out(id),
            None => {}
        }
        self.waiting.insert(position);
        self.positions.insert(id, position);
        self.depths[position.0 as usize] += 1;
    }

    fn take_out(&mut self, id: IdentityId) {
        if let Some(position) = self.positions.remove(&id) {
            self.waiting.remove(&position);
            self.depths[position.0 as usize] -= 1;
        }
    }

    /// From now on work begins at this pace.
    pub fn set_pacing(&mut self, pacing: Pacing) {
        self.pacing = pacing;
    }

    /// Takes the most urgent identity into work, if there is one that may begin now.
    pub fn pop(&mut self, now: Millis) -> Option<(IdentityId, Priority)> {
        let (priority, _, id) = *self.waiting.first()?;
        if self.pacing.waits_until(priority, now).is_some() {
            return None;
        }
        self.take_out(id);
        self.in_work.insert(id, None);
        self.pacing.begin(id, priority, now);
        Some((id, priority))
    }

    /// When the most urgent identity may begin by time alone, if there is one.
    #[must_use]
    pub fn next_turn(&self, now: Millis) -> Option<Millis> {
        let (priority, ..) = *self.waiting.first()?;
        Some(self.pacing.waits_until(priority, now).unwrap_or(now))
    }

    /// Ends the work on an identity. True if it was queued meanwhile, and so waits again.
    pub fn done(&mut self, id: IdentityId, now: Millis) -> bool {
        self.pacing.end(id, now);
        match self.in_work.remove(&id).flatten() {
            Some(position) => {
                self.enqueue(position);
                true
            }
            None => false,
        }
    }

    /// Forgets that an identity waits, or that it is to wait again.
    pub fn remove(&mut self, id: IdentityId) {
        self.take_out(id);
        if let Some(again) = self.in_work.get_mut(&id) {
            *again = None;
        }
    }

    /// Whether no identity waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Identities that wait with this priority.
    #[must_use]
    pub fn depth(&self, priority: Priority) -> usize {
        self.depths[priority as usize]
    }

    /// Whether an identity waits.
    #[must_use]
    pub fn is_waiting(&self, id: IdentityId) -> bool {
        self.positions.contains_key(&id)
    }

    /// Identities in work.
    #[must_use]
    pub fn in_work(&self) -> usize {
        self.in_work.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u32) -> IdentityId {
        IdentityId::new(n)
    }

    #[test]
    fn classes_come_before_age_and_the_nearest_expiry_before_later_ones() {
        let mut queue = Queue::default();
        queue.push(id(1), Priority::Background, 0);
        queue.push(id(2), Priority::Due, 500);
        queue.push(id(3), Priority::Due, 100);
        queue.push(id(4), Priority::New, 9);
        let order: Vec<IdentityId> = std::iter::from_fn(|| queue.pop(0)).map(|(id, _)| id).collect();
        assert_eq!(order, [id(4), id(3), id(2), id(1)]);
    }

    #[test]
    fn what_can_wait_leaves_its_turn_to_what_cannot() {
        let mut queue = Queue::default();
        queue.set_pacing(Pacing::of(1));
        for (n, priority) in [(1, Priority::Background), (2, Priority::Background)] {
            queue.push(id(n), priority, 0);
        }
        assert_eq!(queue.pop(0), Some((id(1), Priority::Background)));
        assert_eq!((queue.pop(5), queue.next_turn(5)), (None, Some(1000)));
        for (n, priority) in [(3, Priority::New), (4, Priority::Due), (5, Priority::New)] {
            queue.push(id(n), priority, 0);
        }
        let turns = [3, 5, 4].map(|_| queue.pop(5).map(|(taken, _)| taken));
        assert_eq!(turns, [3, 5, 4].map(|n| Some(id(n))));
        for n in [3, 5] {
            queue.done(id(n), 5);
        }
        queue.done(id(1), 10);
        assert_eq!((queue.pop(10), queue.next_turn(10)), (None, Some(20)), "it rests");
        assert_eq!(queue.next_turn(20), Some(20));
        assert_eq!(queue.pop(20), Some((id(2), Priority::Background)));
        assert_eq!(queue.next_turn(20), None, "none waits");
    }

    #[test]
    fn an_identity_waits_once_in_its_best_place() {
        let mut queue = Queue::default();
        queue.push(id(1), Priority::Background, 0);
        queue.push(id(1), Priority::New, 0);
        queue.push(id(1), Priority::Due, 0);
        assert_eq!(queue.pop(0), Some((id(1), Priority::New)));
        assert_eq!(queue.pop(0), None);
    }

    #[test]
    fn an_identity_in_work_is_not_handed_out_again_until_it_is_done() {
        let mut queue = Queue::default();
        queue.push(id(1), Priority::New, 0);
        queue.pop(0);
        queue.push(id(1), Priority::New, 0);
        assert_eq!(queue.pop(0), None);
        assert!(queue.done(id(1), 0));
        assert_eq!(queue.pop(0), Some((id(1), Priority::New)));
        assert!(!queue.done(id(1), 0));
    }
}
