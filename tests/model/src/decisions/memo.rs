//! Answers that are remembered, each by the question it depends on.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::Hash;

use crate::fingerprint::Fast;

/// A map from questions to answers.
pub(super) struct Memo<K, V>(RefCell<HashMap<K, V, Fast>>);

impl<K: Eq + Hash + Clone, V: Clone> Memo<K, V> {
    pub(super) fn new() -> Self {
        Self(RefCell::new(HashMap::default()))
    }

    pub(super) fn recall(&self, key: &K, answer: impl FnOnce() -> V) -> V {
        if let Some(known) = self.0.borrow().get(key) {
            return known.clone();
        }
        let answer = answer();
        self.0.borrow_mut().insert(key.clone(), answer.clone());
        answer
    }
}
