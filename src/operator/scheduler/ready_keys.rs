//! Keys that were generated for identities and not taken yet.
//!
//! A key ends with what it is for: with its identity or its spec, or when the identity needs no reconcile any more.

use std::collections::HashMap;
use std::fmt;

use crate::operator::index::IdentityId;
use crate::pki::{KeyAlgorithm, KeyError, PrivateKey};

/// What was generated for an identity.
pub struct GeneratedKey {
    /// Of which kind.
    pub algorithm: KeyAlgorithm,
    /// The key.
    pub key: Result<PrivateKey, KeyError>,
}

/// The keys, by identity.
#[derive(Default)]
pub(super) struct ReadyKeys(HashMap<IdentityId, GeneratedKey>);

impl fmt::Debug for ReadyKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReadyKeys({})", self.0.len())
    }
}

impl ReadyKeys {
    /// A key of an identity is there.
    pub(super) fn insert(&mut self, id: IdentityId, key: GeneratedKey) {
        self.0.insert(id, key);
    }

    /// Takes the key of an identity, if it is of this kind; one of another kind is dropped.
    pub(super) fn take(
        &mut self,
        id: IdentityId,
        algorithm: KeyAlgorithm,
    ) -> Result<Option<PrivateKey>, KeyError> {
        match self.0.remove(&id) {
            Some(made) if made.algorithm == algorithm => made.key.map(Some),
            _ => Ok(None),
        }
    }

    /// What was generated for an identity is wanted no more.
    pub(super) fn forget(&mut self, id: IdentityId) {
        self.0.remove(&id);
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
