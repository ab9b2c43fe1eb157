//! What shows an object: a list, a watch or an answer.
//!
//! It decides whether a state of the object replaces the one that is remembered.

use super::digest::Digest;

/// What shows an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A list. It replaces what is known, whatever its version: a restored backup counts its versions from an earlier one.
    List,
    /// A watch. Its events of one object come in their order, but an answer may have been ahead of them.
    Watch,
    /// The answer to a request. It can be late by any number of events, deletions too.
    Answer,
}

impl Source {
    /// The source of an event of a watch.
    #[must_use]
    pub const fn of_watch(is_from_list: bool) -> Self {
        if is_from_list { Self::List } else { Self::Watch }
    }

    /// Whether it replaces what is known; both by uid and version.
    #[must_use]
    pub fn replaces(self, (uid, version): (Digest, u64), known: (Digest, u64)) -> bool {
        match self {
            Self::List => true,
            Self::Watch => uid != known.0 || version >= known.1,
            Self::Answer => version >= known.1,
        }
    }
}
