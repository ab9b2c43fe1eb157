//! What the scheduler learns from watches of leaf Secrets: it is remembered, and the identities that it concerns are rescheduled.
//!
//! Of many identities that ask for the same Secret, a change of it concerns a few.

use std::collections::BTreeSet;

use super::Scheduler;
use crate::operator::index::IdentityId;
use crate::operator::index::digest::Digest;
use crate::operator::index::issuer::lags;
use crate::operator::index::leaf_secret::SecretEntry;
use crate::operator::index::listed::ListNumber;
use crate::operator::index::metadata::LeafMetadata;
use crate::operator::index::source::Source;
use crate::operator::index::time::{Millis, seconds};

/// Of the identities that ask for the same Secret, so many are tried again when it changes.
const CONCERNED: usize = 8;

impl Scheduler {
    /// A leaf Secret was seen.
    pub fn apply_secret(&mut self, meta: impl Into<LeafMetadata>, is_from_list: bool, now: Millis) {
        let secret = self.secret_entry(&meta.into());
        let known = self.index.secret(&secret.namespace, &secret.name).map(|known| known.version);
        // A list tells what there is, and not what there was since the watch before it ended. Of what is no newer than the
        // index, everything was told: an answer to a write of ours, which came while the pages did, is ahead of them.
        let is_jump = is_from_list && known.is_none_or(|known| known < secret.version);
        self.put_secret(secret, Source::of_watch(is_from_list), is_jump, now);
    }

    pub(super) fn secret_entry(&self, meta: &LeafMetadata) -> SecretEntry {
        SecretEntry::of(meta, self.policy.intern(&meta.namespace))
    }

    pub(super) fn put_secret(&mut self, secret: SecretEntry, source: Source, is_jump: bool, now: Millis) {
        let (namespace, name) = (secret.namespace.clone(), secret.name.clone());
        let known = self.index.secret(&namespace, &name);
        let owners = [known.and_then(|known| known.identity_uid), secret.identity_uid];
        self.note_known(&namespace, &name, is_jump, now);
        // Also if a newer version is remembered already, in which it lags no more.
        self.note_lagging(&secret, is_jump, now);
        self.index.put_secret(secret, source);
        if owners[0] == owners[1] {
            for id in self.concerned(&namespace, &name, owners) {
                self.reschedule(id, now);
            }
        } else {
            self.secret_changed(&namespace, &name, owners, now);
        }
    }

    /// The identities that a change of a Secret concerns: those it belonged and belongs to, and the first few of the others that
    /// ask for it. Many may, of which one can have it: the rest is tried again when its backoff ends.
    fn concerned(&self, namespace: &str, name: &str, owners: [Option<Digest>; 2]) -> BTreeSet<IdentityId> {
        let owner = |uid: Option<Digest>| self.index.targeting_with(namespace, name, uid?);
        let others = self.index.targeting(namespace, name).take(CONCERNED);
        owners.into_iter().filter_map(owner).chain(others).collect()
    }

    /// A rotation must know of a Secret that lagged, or may have, also if it lags no more when the rotation asks.
    pub(super) fn note_lagging(&mut self, secret: &SecretEntry, is_doubtful: bool, now: Millis) {
        self.lagging.extend(self.lagging(secret, is_doubtful, now));
    }

    /// The same of a Secret as it is remembered.
    fn note_known(&mut self, namespace: &str, name: &str, is_doubtful: bool, now: Millis) {
        let known = self.index.secret(namespace, name);
        self.lagging.extend(known.and_then(|secret| self.lagging(secret, is_doubtful, now)));
    }

    /// The identity of a Secret that lags, or may have lagged, with its authority.
    fn lagging(&self, secret: &SecretEntry, is_doubtful: bool, now: Millis) -> Option<(Digest, IdentityId)> {
        let id = self.index.targeting_with(&secret.namespace, &secret.name, secret.identity_uid?)?;
        let entry = self.index.entry(id).filter(|entry| !entry.is_deleting)?;
        let signer = self.policy.signer(entry.authority)?;
        (is_doubtful || lags(secret, signer, seconds(now))).then_some((entry.authority, id))
    }

    /// A leaf Secret is gone.
    pub fn remove_secret(&mut self, namespace: &str, name: &str, now: Millis) {
        self.note_known(namespace, name, false, now);
        let known = self.index.secret(namespace, name).map(|secret| (secret.version, secret.identity_uid));
        if let Some((version, _)) = known {
            self.index.mark_secret_deleted(namespace, name, version, now);
        }
        self.index.remove_secret(namespace, name);
        self.secret_changed(namespace, name, [known.and_then(|(_, owner)| owner), None], now);
    }

    /// Identities that wait for a Secret of this name are tried again at once.
    pub(super) fn secret_changed(
        &mut self,
        namespace: &str,
        name: &str,
        owners: [Option<Digest>; 2],
        now: Millis,
    ) {
        for id in self.concerned(namespace, name, owners) {
            self.backoff.clear(id);
            self.reschedule(id, now);
        }
    }

    /// A list of Secrets ended: what it did not name is gone.
    pub fn finish_secret_list(&mut self, namespace: Option<&str>, list: ListNumber, now: Millis) {
        for (namespace, name) in self.index.unlisted_secrets(namespace, list) {
            self.remove_secret(&namespace, &name, now);
        }
    }
}
