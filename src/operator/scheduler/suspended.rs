//! Identities whose key is being generated: they need no reconcile before it is there, but for what time alone makes of their
//! status.
//!
//! A change of the identity, or of what its authority says, ends the wait: the key may not be wanted any more.

use super::Scheduler;
use super::ready_keys::GeneratedKey;
use crate::operator::index::IdentityId;
use crate::operator::index::time::Millis;
use crate::pki::{KeyAlgorithm, KeyError, PrivateKey};

impl Scheduler {
    /// Whether the key of an identity is being generated.
    #[must_use]
    pub fn is_suspended(&self, id: IdentityId) -> bool {
        self.suspended.contains(&id)
    }

    /// The key of an identity is being generated: it needs no reconcile before that has ended.
    pub fn suspend(&mut self, id: IdentityId) {
        self.suspended.insert(id);
    }

    /// The generation of a key has ended. False if the identity does not wait for it any more.
    pub fn resume(&mut self, id: IdentityId, now: Millis) -> bool {
        let was_suspended = self.suspended.remove(&id);
        if was_suspended {
            self.reschedule(id, now);
        }
        was_suspended
    }

    /// The key of an identity was generated, or could not be. It is dropped if the identity does not wait for it any more.
    pub fn key_generated(&mut self, id: IdentityId, key: Option<GeneratedKey>, now: Millis) {
        if !self.is_suspended(id) {
            return;
        }
        if let Some(key) = key {
            self.keys.insert(id, key);
        }
        self.resume(id, now);
    }

    /// The key that was generated for an identity, if it is there and of the right kind.
    ///
    /// # Errors
    /// [`KeyError`] where it could not be generated.
    pub fn take_key(
        &mut self,
        id: IdentityId,
        algorithm: KeyAlgorithm,
    ) -> Result<Option<PrivateKey>, KeyError> {
        self.keys.take(id, algorithm)
    }

    /// How many keys wait to be taken.
    #[must_use]
    pub fn ready_keys(&self) -> usize {
        self.keys.len()
    }
}
