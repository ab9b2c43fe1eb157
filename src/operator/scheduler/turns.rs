//! Namespaces that take turns: each has its waiting identities in the order of their urgency, and is at the end of the line after
//! each that is taken.
//!
//! What one namespace has waiting, however much, delays another by one turn each time.

use std::collections::{BTreeSet, HashMap};

use crate::operator::index::IdentityId;
use crate::operator::index::digest::Digest;

/// Identities that wait, by the digest of their namespace.
#[derive(Debug, Default)]
pub struct Turns {
    namespaces: HashMap<Digest, Waiting>,
    /// The line of namespaces: the one with the lowest number is next.
    line: BTreeSet<(u64, Digest)>,
    /// The most urgent of each namespace.
    heads: BTreeSet<(i64, Digest)>,
    last_number: u64,
    len: usize,
}

/// What waits in one namespace, and its number in the line.
#[derive(Debug, Default)]
struct Waiting {
    identities: BTreeSet<(i64, IdentityId)>,
    number: u64,
}

impl Waiting {
    fn head(&self) -> Option<i64> {
        self.identities.first().map(|(urgency, _)| *urgency)
    }
}

impl Turns {
    /// An identity waits. The smallest urgency comes first within its namespace.
    pub fn insert(&mut self, namespace: Digest, urgency: i64, id: IdentityId) {
        if !self.namespaces.contains_key(&namespace) {
            let number = self.next_number();
            self.line.insert((number, namespace));
            self.namespaces.insert(namespace, Waiting { number, ..Waiting::default() });
        }
        self.change(namespace, |waiting| waiting.insert((urgency, id)));
    }

    /// An identity waits no more.
    pub fn remove(&mut self, namespace: Digest, urgency: i64, id: IdentityId) {
        self.change(namespace, |waiting| waiting.remove(&(urgency, id)));
    }

    /// The namespace whose turn it is, of those that may have one.
    #[must_use]
    pub fn next(&self, may: impl Fn(Digest) -> bool) -> Option<Digest> {
        self.line.iter().map(|(_, namespace)| *namespace).find(|namespace| may(*namespace))
    }

    /// Takes the most urgent identity of a namespace, which goes to the end of the line.
    pub fn take(&mut self, namespace: Digest) -> Option<(i64, IdentityId)> {
        let number = self.next_number();
        let waiting = self.namespaces.get_mut(&namespace)?;
        let first = *waiting.identities.first()?;
        self.line.remove(&(std::mem::replace(&mut waiting.number, number), namespace));
        self.line.insert((number, namespace));
        self.remove(namespace, first.0, first.1);
        Some(first)
    }

    /// The smallest urgency of all.
    #[must_use]
    pub fn most_urgent(&self) -> Option<i64> {
        self.heads.first().map(|(urgency, _)| *urgency)
    }

    /// Identities that wait.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether none waits.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// Changes what waits in a namespace, and what is known of all of them with it.
    fn change(&mut self, namespace: Digest, change: impl FnOnce(&mut BTreeSet<(i64, IdentityId)>) -> bool) {
        let Some(waiting) = self.namespaces.get_mut(&namespace) else { return };
        let (head, before) = (waiting.head(), waiting.identities.len());
        change(&mut waiting.identities);
        let (head_now, now) = (waiting.head(), waiting.identities.len());
        self.len = self.len + now - before;
        if head != head_now {
            head.map(|urgency| self.heads.remove(&(urgency, namespace)));
            head_now.map(|urgency| self.heads.insert((urgency, namespace)));
        }
        if now == 0 {
            self.line.remove(&(waiting.number, namespace));
            self.namespaces.remove(&namespace);
        }
        if self.len == 0 {
            // A mass that has waited once leaves nothing behind.
            self.namespaces = HashMap::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(n: u64) -> Digest {
        Digest::new(n).unwrap()
    }

    fn id(n: u32) -> IdentityId {
        IdentityId::new(n)
    }

    fn taken(turns: &mut Turns) -> Vec<IdentityId> {
        std::iter::from_fn(|| turns.take(turns.next(|_| true)?)).map(|(_, id)| id).collect()
    }

    #[test]
    fn namespaces_take_turns_and_within_one_the_most_urgent_comes_first() {
        let mut turns = Turns::default();
        for (n, (namespace, urgency)) in (0..).zip([(1, 30), (1, 10), (1, 20), (2, 90), (2, 80), (3, 50)]) {
            turns.insert(of(namespace), urgency, id(n));
        }
        assert_eq!((turns.len(), turns.most_urgent()), (6, Some(10)));
        assert_eq!(taken(&mut turns), [1, 4, 5, 2, 3, 0].map(id));
        assert!(turns.is_empty());
    }

    #[test]
    fn a_namespace_that_may_not_is_passed_over_and_keeps_its_place() {
        let mut turns = Turns::default();
        for (n, namespace) in [(0, 1), (1, 2), (2, 1), (3, 2)] {
            turns.insert(of(namespace), 0, id(n));
        }
        assert_eq!(turns.next(|namespace| namespace != of(1)), Some(of(2)));
        assert_eq!(turns.take(of(2)), Some((0, id(1))));
        assert_eq!(taken(&mut turns), [0, 3, 2].map(id));
    }

    #[test]
    fn what_waits_no_more_leaves_nothing_behind() {
        let mut turns = Turns::default();
        turns.insert(of(1), 5, id(0));
        turns.insert(of(1), 7, id(1));
        turns.remove(of(1), 5, id(0));
        turns.remove(of(1), 5, id(0));
        assert_eq!((turns.len(), turns.most_urgent(), turns.next(|_| true)), (1, Some(7), Some(of(1))));
        turns.remove(of(1), 7, id(1));
        assert_eq!((turns.len(), turns.most_urgent(), turns.next(|_| true)), (0, None, None));
        assert!(turns.line.is_empty() && turns.heads.is_empty() && turns.namespaces.is_empty());
    }
}
