//! What one side of a handshake holds. The server tells it to the client, so that each handshake shows how much the two
//! agree on: `overlap`, which must never be zero in a rotation.

use serde::{Deserialize, Serialize};

use crate::certificate::Leaf;

/// What a program has loaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// What it shows.
    pub leaf: Leaf,
    /// SHA-256 of each root that it trusts, hex.
    pub roots: Vec<String>,
}

impl State {
    /// How many roots both trust.
    pub(crate) fn overlap(&self, other: &Self) -> usize {
        self.roots.iter().filter(|root| other.roots.contains(root)).count()
    }

    /// Seconds until the first of both leaves ends.
    pub(crate) fn margin(&self, other: &Self, now: i64) -> i64 {
        self.leaf.not_after.min(other.leaf.not_after) - now
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn state(roots: &[&str], not_after: i64) -> State {
        let leaf = Leaf { spiffe_id: "a".into(), serial: "1".into(), signer: "r".into(), not_after };
        State { leaf, roots: roots.iter().map(|root| (*root).to_owned()).collect() }
    }

    #[test]
    fn the_overlap_counts_roots_that_both_trust() {
        assert_eq!(state(&["1"], 0).overlap(&state(&["2"], 0)), 0);
        assert_eq!(state(&["1", "2"], 0).overlap(&state(&["2", "3"], 0)), 1);
        assert_eq!(state(&["1", "2"], 0).overlap(&state(&["2", "1"], 0)), 2);
    }

    #[test]
    fn the_margin_is_that_of_the_leaf_which_ends_first() {
        assert_eq!(state(&[], 100).margin(&state(&[], 70), 50), 20);
        assert_eq!(state(&[], 40).margin(&state(&[], 70), 50), -10);
    }
}
