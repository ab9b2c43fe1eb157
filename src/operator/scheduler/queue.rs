//! Identities that need a look, in the order of their classes; one identity is never looked at twice at once.

use std::collections::{BTreeSet, HashMap};

use super::pacing::Pacing;
use super::requeue::Priority;
use crate::operator::index::IdentityId;
use crate::operator::index::time::Millis;

/// Position in the queue: class, then what is most urgent in it, then the id.
type Position = (Priority, i64, IdentityId);

/// The queue. Pure: who waits for it waits elsewhere.
#[derive(Debug, Default)]
pub struct Queue {
    waiting: BTreeSet<Position>,
    places: HashMap<IdentityId, Position>,
    depths: [usize; Priority::ALL.len()],
    /// Identities in work, each with the place to take afterwards, if it was queued meanwhile.
    in_work: HashMap<IdentityId, Option<Position>>,
    pace: Pacing,
}

impl Queue {
    /// Queues an identity. `urgency` orders within a class, smallest first. A better place replaces a worse one.
    pub fn push(&mut self, id: IdentityId, class: Priority, urgency: i64) {
        let place = (class, urgency, id);
        if let Some(again) = self.in_work.get_mut(&id) {
            *again = Some(again.map_or(place, |before| before.min(place)));
        } else {
            self.wait(place);
        }
    }

    fn wait(&mut self, place: Position) {
        let id = place.2;
        match self.places.get(&id) {
            Some(before) if *before <= place => return,
            Some(_) => self.forget(id),
            None => {}
        }
        self.waiting.insert(place);
        self.places.insert(id, place);
        self.depths[place.0 as usize] += 1;
    }

    fn forget(&mut self, id: IdentityId) {
        if let Some(place) = self.places.remove(&id) {
            self.waiting.remove(&place);
            self.depths[place.0 as usize] -= 1;
        }
    }

    /// From now on whoever waits keeps to this pace.
    pub fn keep_to(&mut self, pace: Pacing) {
        self.pace = pace;
    }

    /// Takes the most urgent identity into work, if there is one that may begin now.
    pub fn pop(&mut self, now: Millis) -> Option<(IdentityId, Priority)> {
        let (class, _, id) = *self.waiting.first()?;
        if self.pace.turn(class, now).is_some() {
            return None;
        }
        self.forget(id);
        self.in_work.insert(id, None);
        self.pace.begin(id, class, now);
        Some((id, class))
    }

    /// When the most urgent identity may begin by time alone, if there is one.
    #[must_use]
    pub fn next_turn(&self, now: Millis) -> Option<Millis> {
        let (class, ..) = *self.waiting.first()?;
        Some(self.pace.turn(class, now).unwrap_or(now))
    }

    /// Ends the work on an identity. True if it was queued meanwhile, and so waits again.
    pub fn done(&mut self, id: IdentityId, now: Millis) -> bool {
        self.pace.end(id, now);
        match self.in_work.remove(&id).flatten() {
            Some(place) => {
                self.wait(place);
                true
            }
            None => false,
        }
    }

    /// Forgets that an identity waits, or that it is to wait again.
    pub fn remove(&mut self, id: IdentityId) {
        self.forget(id);
        if let Some(again) = self.in_work.get_mut(&id) {
            *again = None;
        }
    }

    /// Whether nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Identities that wait, by class.
    #[must_use]
    pub fn depth(&self, class: Priority) -> usize {
        self.depths[class as usize]
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
    fn what_can_wait_leaves_its_turn_to_whoever_cannot() {
        let mut queue = Queue::default();
        queue.keep_to(Pacing::of(1));
        for (n, class) in [(1, Priority::Background), (2, Priority::Background)] {
            queue.push(id(n), class, 0);
        }
        assert_eq!(queue.pop(0), Some((id(1), Priority::Background)));
        assert_eq!((queue.pop(5), queue.next_turn(5)), (None, Some(1000)));
        for (n, class) in [(3, Priority::New), (4, Priority::Due), (5, Priority::New)] {
            queue.push(id(n), class, 0);
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
        assert_eq!(queue.next_turn(20), None, "nobody waits");
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
