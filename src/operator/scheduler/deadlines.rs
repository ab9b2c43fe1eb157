//! Deadlines by the wall clock: when an identity needs a reconcile by time alone.
//!
//! Suspends and clock steps lose nothing: the sweep compares with the clock again, at the latest every thirty seconds.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::operator::index::IdentityId;
use crate::operator::index::time::Millis;

/// Deadlines of identities. Each has at most one in force; superseded ones are dropped when they surface.
#[derive(Debug, Default)]
pub struct Deadlines {
    heap: BinaryHeap<Reverse<(Millis, IdentityId)>>,
    /// By the place in the index; [`NONE`] where there is none.
    in_force: Vec<Millis>,
}

/// No deadline. Half as large as an optional one.
const NONE: Millis = Millis::MIN;

impl Deadlines {
    /// Sets the deadline of an identity, in place of the one it had.
    pub fn set(&mut self, id: IdentityId, at: Option<Millis>) {
        if self.in_force.len() <= id.slot() {
            self.in_force.resize(id.slot() + 1, NONE);
        }
        if std::mem::replace(&mut self.in_force[id.slot()], at.unwrap_or(NONE)) == at.unwrap_or(NONE) {
            return;
        }
        if let Some(at) = at {
            self.heap.push(Reverse((at, id)));
        }
        self.compact();
    }

    /// The deadline of an identity.
    #[must_use]
    pub fn get(&self, id: IdentityId) -> Option<Millis> {
        self.in_force.get(id.slot()).copied().filter(|at| *at != NONE)
    }

    /// The next identity whose deadline has come.
    pub fn pop_due(&mut self, now: Millis) -> Option<IdentityId> {
        while let Some(Reverse((at, id))) = self.heap.peek().copied() {
            if at > now {
                return None;
            }
            self.heap.pop();
            if self.in_force[id.slot()] == at {
                self.in_force[id.slot()] = NONE;
                return Some(id);
            }
        }
        None
    }

    /// The earliest deadline; may be a superseded one, which costs one idle sweep.
    #[must_use]
    pub fn earliest(&self) -> Option<Millis> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Superseded deadlines never outnumber those in force by more than the fixed floor: a churning identity must
    /// not grow the heap for ever.
    fn compact(&mut self) {
        if self.heap.len() > 2 * self.in_force.len() + 1024 {
            let in_force = &self.in_force;
            self.heap.retain(|Reverse((at, id))| in_force[id.slot()] == *at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u32) -> IdentityId {
        IdentityId::new(n)
    }

    #[test]
    fn deadlines_surface_in_order_and_not_before_their_time() {
        let mut schedule = Deadlines::default();
        schedule.set(id(1), Some(200));
        schedule.set(id(2), Some(100));
        assert_eq!(schedule.pop_due(99), None);
        assert_eq!(schedule.pop_due(100), Some(id(2)));
        assert_eq!(schedule.pop_due(100), None);
        assert_eq!(schedule.pop_due(1000), Some(id(1)));
    }

    #[test]
    fn a_later_deadline_replaces_an_earlier_one() {
        let mut schedule = Deadlines::default();
        schedule.set(id(1), Some(100));
        schedule.set(id(1), Some(300));
        assert_eq!(schedule.pop_due(200), None);
        assert_eq!(schedule.pop_due(300), Some(id(1)));
        schedule.set(id(1), Some(400));
        schedule.set(id(1), None);
        assert_eq!(schedule.pop_due(500), None);
    }

    #[test]
    fn churn_does_not_grow_the_heap() {
        let mut schedule = Deadlines::default();
        (0..100_000).for_each(|at| schedule.set(id(1), Some(at)));
        assert!(schedule.heap.len() < 2000, "{}", schedule.heap.len());
    }
}
