//! A place in the index.

/// A place in the index. Reused after its identity is gone: what holds one finds its entry again before it acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IdentityId(u32);

impl IdentityId {
    /// The id of a place.
    #[must_use]
    pub const fn new(slot: u32) -> Self {
        Self(slot)
    }

    /// The place as an offset.
    #[must_use]
    pub const fn slot(self) -> usize {
        self.0 as usize
    }

    /// The place as a number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}
