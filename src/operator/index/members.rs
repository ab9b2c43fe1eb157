//! The identities of each namespace: eight bytes for each, so that what concerns a namespace concerns no other identity.
//!
//! A list for each namespace, linked by the places of its identities.

use std::collections::HashMap;
use std::sync::Arc;

use super::id::IdentityId;

/// No place: the end of a list.
const NONE: u32 = u32::MAX;

/// The neighbours of an identity in the list of its namespace.
#[derive(Clone, Copy, Debug)]
struct Links {
    before: u32,
    next: u32,
}

/// The identities of each namespace.
#[derive(Debug, Default)]
pub struct Members {
    first: HashMap<Arc<str>, u32>,
    links: Vec<Links>,
}

impl Members {
    /// An identity is in a namespace, and was in none.
    pub fn insert(&mut self, namespace: &Arc<str>, id: IdentityId) {
        if self.links.len() <= id.slot() {
            self.links.resize(id.slot() + 1, Links { before: NONE, next: NONE });
        }
        let next = self.first.insert(namespace.clone(), id.number()).unwrap_or(NONE);
        self.links[id.slot()] = Links { before: NONE, next };
        if let Some(next) = self.links.get_mut(next as usize) {
            next.before = id.number();
        }
    }

    /// An identity is in its namespace no more.
    pub fn remove(&mut self, namespace: &Arc<str>, id: IdentityId) {
        let Some(Links { before, next }) = self.links.get(id.slot()).copied() else { return };
        if let Some(next) = self.links.get_mut(next as usize) {
            next.before = before;
        }
        match self.links.get_mut(before as usize) {
            Some(before) => before.next = next,
            None if next == NONE => drop(self.first.remove(namespace)),
            None => drop(self.first.insert(namespace.clone(), next)),
        }
    }

    /// The identities of a namespace.
    pub fn of(&self, namespace: &str) -> impl Iterator<Item = IdentityId> {
        let first = self.first.get(namespace).copied();
        let next = |id: &u32| Some(self.links.get(*id as usize)?.next).filter(|next| *next != NONE);
        std::iter::successors(first, next).map(IdentityId::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(members: &Members, namespace: &str) -> Vec<u32> {
        let mut ids: Vec<u32> = members.of(namespace).map(IdentityId::number).collect();
        ids.sort_unstable();
        ids
    }

    #[test]
    fn each_namespace_has_its_own_members_whatever_comes_and_goes() {
        let mut members = Members::default();
        let (orders, bank): (Arc<str>, Arc<str>) = ("orders".into(), "bank".into());
        (0..6).for_each(|n| members.insert(if n % 2 == 0 { &orders } else { &bank }, IdentityId::new(n)));
        assert_eq!((of(&members, "orders"), of(&members, "bank")), (vec![0, 2, 4], vec![1, 3, 5]));
        // The middle, the last and the first of a list.
        for (gone, left) in [(2, vec![0, 4]), (4, vec![0]), (0, vec![])] {
            members.remove(&orders, IdentityId::new(gone));
            assert_eq!(of(&members, "orders"), left);
        }
        assert!(!members.first.contains_key("orders"));
        members.insert(&bank, IdentityId::new(2));
        assert_eq!((of(&members, "orders"), of(&members, "bank")), (vec![], vec![1, 2, 3, 5]));
    }
}
