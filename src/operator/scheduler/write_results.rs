//! What the scheduler learns from answers to requests, and from deletions.
//!
//! An answer can be late: it brings nothing back that was seen to be deleted meanwhile, and takes nothing away that has changed
//! since the request.

use super::Scheduler;
use crate::api::identity::MtlsIdentity;
use crate::operator::index::digest::{digest, version_number};
use crate::operator::index::identity::ParsedIdentity;
use crate::operator::index::metadata::LeafMetadata;
use crate::operator::index::source::Source;
use crate::operator::index::time::{Millis, Second};
use crate::plan::identity::world::OwnedSecret;

impl Scheduler {
    /// An answer shows an identity.
    pub fn apply_identity_answer(&mut self, identity: impl Into<ParsedIdentity>, now: Millis) {
        self.insert_identity(identity.into(), Source::Answer, now);
    }

    /// An answer shows a leaf Secret.
    pub fn apply_secret_answer(&mut self, meta: impl Into<LeafMetadata>, now: Millis) {
        let secret = self.secret_entry(&meta.into());
        self.put_secret(secret, Source::Answer, false, now);
    }

    /// A leaf Secret was read. What it holds may be undone before the watch delivers it, and what it says of itself may be
    /// wrong: a rotation must know what was in use.
    pub fn note_read_secret(&mut self, meta: impl Into<LeafMetadata>, held: &OwnedSecret, now: Millis) {
        let mut secret = self.secret_entry(&meta.into());
        secret.trust = held.trust.as_deref().map(digest);
        if let Ok(leaf) = &held.leaf {
            secret.key_id = Some(digest(&leaf.key_id));
            secret.not_after = Second::new(leaf.window.not_after.as_second());
        }
        self.note_lagging(&secret, false, now);
    }

    /// A watch shows that an identity was deleted: it names the version of the deletion.
    pub fn delete_identity(&mut self, identity: &MtlsIdentity, now: Millis) {
        let meta = &identity.metadata;
        let (Some(namespace), Some(name)) = (&meta.namespace, &meta.name) else { return };
        self.remove_identity(namespace, name, now);
        self.index.mark_deleted(namespace, name, version(meta.resource_version.as_deref()), now);
    }

    /// A watch tells that a leaf Secret was deleted, or carries the label no more: it names the version of that.
    pub fn delete_secret(&mut self, meta: impl Into<LeafMetadata>, now: Millis) {
        let secret = self.secret_entry(&meta.into());
        self.note_lagging(&secret, false, now);
        self.remove_secret(&secret.namespace, &secret.name, now);
        self.index.mark_secret_deleted(&secret.namespace, &secret.name, secret.version, now);
    }

    /// The version in which an identity is known.
    #[must_use]
    pub fn identity_version(&self, namespace: &str, name: &str) -> Option<u64> {
        Some(self.index.entry(self.index.find(namespace, name)?)?.version)
    }

    /// The version in which a Secret is known.
    #[must_use]
    pub fn secret_version(&self, namespace: &str, name: &str) -> Option<u64> {
        self.index.secret(namespace, name).map(|secret| secret.version)
    }

    /// An answer says that there is no identity of this name, which was known in this version when it was requested.
    pub fn identity_not_found(&mut self, namespace: &str, name: &str, known: Option<u64>, now: Millis) {
        if self.identity_version(namespace, name) == known {
            self.remove_identity(namespace, name, now);
        }
    }

    /// An answer says that there is no Secret of this name, which was known in this version when it was requested.
    pub fn secret_not_found(&mut self, namespace: &str, name: &str, known: Option<u64>, now: Millis) {
        if self.secret_version(namespace, name) == known {
            self.remove_secret(namespace, name, now);
        }
    }
}

fn version(version: Option<&str>) -> u64 {
    version_number(version.unwrap_or_default())
}
