//! Identities that need a look, in the order of their classes; one identity is never looked at twice at once.

use std::collections::{BTreeSet, HashMap};

use super::attention::Class;
use super::index::IdentityId;

/// Position in the queue: class, then what is most urgent in it, then the id.
type Place = (Class, i64, IdentityId);

/// The queue. Pure: who waits for it waits elsewhere.
#[derive(Debug)]
pub struct Queue {
    waiting: BTreeSet<Place>,
    places: HashMap<IdentityId, Place>,
    depths: [usize; Class::ALL.len()],
    in_work: HashMap<IdentityId, InWork>,
    /// At most so many of [`Class::Background`] are in work at once.
    background: usize,
}

#[derive(Debug)]
struct InWork {
    class: Class,
    /// The place to take afterwards, if the identity was queued meanwhile.
    again: Option<Place>,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            waiting: BTreeSet::new(),
            places: HashMap::new(),
            depths: Default::default(),
            in_work: HashMap::new(),
            background: usize::MAX,
        }
    }
}

impl Queue {
    /// Queues an identity. `urgency` orders within a class, smallest first. A better place replaces a worse one.
    pub fn push(&mut self, id: IdentityId, class: Class, urgency: i64) {
        let place = (class, urgency, id);
        if let Some(InWork { again, .. }) = self.in_work.get_mut(&id) {
            *again = Some(again.map_or(place, |before| before.min(place)));
        } else {
            self.wait(place);
        }
    }

    fn wait(&mut self, place: Place) {
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

    /// Whatever can wait takes at most so many workers: an API server that is busy with a mass of it would answer
    /// whoever waits no sooner for being asked first.
    pub fn bound_background(&mut self, at_once: usize) {
        self.background = at_once.max(1);
    }

    /// Takes the most urgent identity into work, if there is one that may be now.
    pub fn pop(&mut self) -> Option<(IdentityId, Class)> {
        let (class, _, id) = *self.waiting.first()?;
        if class == Class::Background && self.background_in_work() >= self.background {
            return None;
        }
        self.forget(id);
        self.in_work.insert(id, InWork { class, again: None });
        Some((id, class))
    }

    fn background_in_work(&self) -> usize {
        self.in_work.values().filter(|work| work.class == Class::Background).count()
    }

    /// Ends the work on an identity. True if it was queued meanwhile, and so waits again.
    pub fn done(&mut self, id: IdentityId) -> bool {
        match self.in_work.remove(&id).and_then(|work| work.again) {
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
        if let Some(InWork { again, .. }) = self.in_work.get_mut(&id) {
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
    pub fn depth(&self, class: Class) -> usize {
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
        queue.push(id(1), Class::Background, 0);
        queue.push(id(2), Class::Due, 500);
        queue.push(id(3), Class::Due, 100);
        queue.push(id(4), Class::New, 9);
        let order: Vec<IdentityId> = std::iter::from_fn(|| queue.pop()).map(|(id, _)| id).collect();
        assert_eq!(order, [id(4), id(3), id(2), id(1)]);
    }

    #[test]
    fn what_can_wait_leaves_workers_to_whoever_cannot() {
        let mut queue = Queue::default();
        queue.bound_background(2);
        for n in 1..=4 {
            queue.push(id(n), Class::Background, 0);
        }
        assert_eq!([queue.pop(), queue.pop()], [1, 2].map(|n| Some((id(n), Class::Background))));
        assert_eq!(queue.pop(), None);
        queue.push(id(5), Class::New, 0);
        queue.push(id(6), Class::Due, 0);
        assert_eq!([queue.pop(), queue.pop()], [Some((id(5), Class::New)), Some((id(6), Class::Due))]);
        queue.done(id(5));
        assert_eq!(queue.pop(), None);
        queue.done(id(1));
        assert_eq!(queue.pop(), Some((id(3), Class::Background)));
    }

    #[test]
    fn an_identity_waits_once_in_its_best_place() {
        let mut queue = Queue::default();
        queue.push(id(1), Class::Background, 0);
        queue.push(id(1), Class::New, 0);
        queue.push(id(1), Class::Due, 0);
        assert_eq!(queue.pop(), Some((id(1), Class::New)));
        assert_eq!(queue.pop(), None);
    }

    #[test]
    fn an_identity_in_work_is_not_handed_out_again_until_it_is_done() {
        let mut queue = Queue::default();
        queue.push(id(1), Class::New, 0);
        queue.pop();
        queue.push(id(1), Class::New, 0);
        assert_eq!(queue.pop(), None);
        assert!(queue.done(id(1)));
        assert_eq!(queue.pop(), Some((id(1), Class::New)));
        assert!(!queue.done(id(1)));
    }
}
