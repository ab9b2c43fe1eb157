//! The Secrets that a list has named, in four octets for each identity.
//!
//! A place in the index is reused: next to it stands for which Secret it is marked.

use std::collections::HashSet;

use crate::operator::index::IdentityId;
use crate::operator::index::digest::Digest;

/// Names of Secrets that a list has shown.
#[derive(Debug, Default)]
pub struct ListedNames {
    /// By the place of an identity that wants it: half of the digest of the Secret's name.
    wanted: Vec<u32>,
    /// Those that no identity wanted.
    others: HashSet<Digest>,
}

impl ListedNames {
    /// The list names this Secret, which these identities want.
    pub fn insert(&mut self, secret: Digest, wanted_by: &[IdentityId]) {
        if wanted_by.is_empty() {
            self.others.insert(secret);
        }
        for id in wanted_by {
            if self.wanted.len() <= id.slot() {
                self.wanted.resize(id.slot() + 1, 0);
            }
            if let Some(mark) = self.wanted.get_mut(id.slot()) {
                *mark = half(secret);
            }
        }
    }

    /// Whether it has named this Secret, which this identity wants.
    #[must_use]
    pub fn contains(&self, secret: Digest, id: IdentityId) -> bool {
        self.wanted.get(id.slot()) == Some(&half(secret)) || self.others.contains(&secret)
    }
}

/// Never 0, which is no mark.
const fn half(digest: Digest) -> u32 {
    let [a, b, c, d, ..] = digest.get().to_le_bytes();
    u32::from_le_bytes([a, b, c, d]) | 1
}
