//! Texts of which many objects have the same: each is kept once, as long as one of them has it.
//!
//! They are bounded in octets: users of a namespace decide how many there are and how large. What has no room is not kept.

use std::hash::BuildHasher as _;
use std::ops::Deref;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashTable};

/// Most octets of all texts together.
pub const MAX_OCTETS: usize = 8 << 20;
/// What a text takes beside its octets: its counts, its place in the table, what the allocator rounds up.
const OVERHEAD: usize = 64;
/// Texts that no object has any more are looked for after so many octets at the earliest.
const LEAST_SWEPT: usize = 64 << 10;

/// A text. A pointer to it is half as large as one to a `str`.
#[derive(Debug)]
pub struct Text(Box<str>);

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// The texts.
#[derive(Debug, Default)]
pub struct Texts {
    table: HashTable<Arc<Text>>,
    hasher: DefaultHashBuilder,
    octets: usize,
    /// Octets that were asked for since the last sweep, and those that it has left.
    asked: usize,
    left: usize,
}

impl Texts {
    /// The one copy of a text, where there is one, or room for one.
    pub fn intern(&mut self, text: &str) -> Option<Arc<Text>> {
        let hash = self.hasher.hash_one(text);
        if let Some(found) = self.table.find(hash, |known| known.0.as_ref() == text) {
            return Some(found.clone());
        }
        let octets = text.len() + OVERHEAD;
        self.asked += octets;
        if self.asked > LEAST_SWEPT.max(self.left / 2) {
            self.sweep();
        }
        (self.octets + octets <= MAX_OCTETS).then(|| self.insert(hash, text))
    }

    fn insert(&mut self, hash: u64, text: &str) -> Arc<Text> {
        let (text, hasher) = (Arc::new(Text(text.into())), &self.hasher);
        self.octets += text.len() + OVERHEAD;
        self.table.insert_unique(hash, text.clone(), |text| hasher.hash_one(&*text.0));
        text
    }

    /// Drops what no object has any more.
    fn sweep(&mut self) {
        self.table.retain(|text| Arc::strong_count(text) > 1);
        let hasher = &self.hasher;
        self.table.shrink_to(self.table.len() * 2, |text| hasher.hash_one(&*text.0));
        self.octets = self.table.iter().map(|text| text.len() + OVERHEAD).sum();
        (self.asked, self.left) = (0, self.octets);
    }

    /// Octets of all of them.
    #[must_use]
    pub const fn octets(&self) -> usize {
        self.octets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_one() {
        let mut texts = Texts::default();
        let (one, same) = (texts.intern("a").unwrap(), texts.intern("a").unwrap());
        assert!(Arc::ptr_eq(&one, &same));
        assert_eq!((&**one, texts.octets()), ("a", 1 + OVERHEAD));
    }

    #[test]
    fn what_no_object_has_any_more_makes_room_for_others() {
        let mut texts = Texts::default();
        let text = |n: usize| format!("{n:0>1000}");
        let held: Vec<_> = (0..20_000).map_while(|n| texts.intern(&text(n))).collect();
        assert!(held.len() > 7000 && texts.octets() <= MAX_OCTETS, "{}", held.len());
        assert!(texts.intern(&text(1)).is_some(), "one that is there needs no room");
        drop(held);
        let again = (20_000..40_000).filter(|n| texts.intern(&text(*n)).is_some()).count();
        assert!(again > 15_000, "{again}");
        assert!(texts.octets() <= MAX_OCTETS);
    }
}
