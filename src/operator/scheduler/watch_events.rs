//! What the scheduler learns from watches: it is remembered, and the identities that it concerns are rescheduled.
//!
//! An event of an older version than is remembered changes nothing, except in a list, which shows what exists.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Secret;
use kube::core::PartialObjectMeta;

use super::Scheduler;
use crate::operator::index::IdentityId;
use crate::operator::index::digest::{Digest, digest};
use crate::operator::index::identity::{IdentityEntry, ParsedIdentity};
use crate::operator::index::issuer::{IssuerEntry, lags};
use crate::operator::index::leaf_secret::SecretEntry;
use crate::operator::index::listed::ListNumber;
use crate::operator::index::policy::NamespaceEntry;
use crate::operator::index::source::Source;
use crate::operator::index::time::{Millis, seconds};
use crate::plan::authority::spec::AuthoritySpec;

/// Objects of identities in the queue that are kept to save reading them again: a few MiB at the size of a usual one.
const MAX_CACHED_OBJECTS: usize = 2048;

impl Scheduler {
    /// A list begins.
    pub fn start_list(&mut self) -> ListNumber {
        self.index.start_list()
    }

    /// An identity was seen.
    pub fn apply_identity<'a>(
        &mut self,
        identity: impl Into<ParsedIdentity<'a>>,
        is_from_list: bool,
        now: Millis,
    ) {
        self.insert_identity(identity.into(), Source::of_watch(is_from_list), now);
    }

    pub(super) fn insert_identity(&mut self, parsed: ParsedIdentity<'_>, source: Source, now: Millis) {
        let ParsedIdentity { identity, spec, mut entry } = parsed;
        entry.namespace = self.policy.intern(&entry.namespace);
        entry.permission = self.policy.check(&entry, spec.as_ref());
        entry.first_seen = self.first_seen(&entry).unwrap_or_else(|| seconds(now));
        let has_new_renew_request = self.has_new_renew_request(&entry);
        let Some(id) = self.index.put(entry, source) else { return };
        if has_new_renew_request {
            self.clear_pauses(id);
        }
        self.revision += 1;
        if self.reschedule(id, now) && self.cached_objects.len() < MAX_CACHED_OBJECTS {
            self.cached_objects.insert(id, Box::new(identity.clone()));
        } else {
            self.cached_objects.remove(&id);
        }
    }

    /// When this generation of an identity was seen first, if it was.
    fn first_seen(&self, entry: &IdentityEntry) -> Option<i64> {
        let known = self.index.entry(self.index.find(&entry.namespace, &entry.name)?)?;
        (known.uid == entry.uid && known.generation == entry.generation).then_some(known.first_seen)
    }

    /// An identity is gone. Others that ask for the same Secret may have it.
    pub fn remove_identity(&mut self, namespace: &str, name: &str, now: Millis) {
        if let Some(id) = self.index.find(namespace, name) {
            self.remove(id, now);
        }
    }

    fn remove(&mut self, id: IdentityId, now: Millis) {
        self.revision += 1;
        self.queue.remove(id);
        self.deadlines.set(id, None);
        self.clear_pauses(id);
        self.altered.remove(&id);
        self.cached_objects.remove(&id);
        self.suspended.remove(&id);
        if let Some(entry) = self.index.remove(id) {
            self.index.mark_deleted(&entry.namespace, &entry.name, entry.version, now);
            self.secret_changed(&entry.namespace, &entry.secret_name(), now);
        }
    }

    /// A list of identities ended: what it did not name is gone.
    pub fn finish_identity_list(&mut self, namespace: Option<&str>, list: ListNumber, now: Millis) {
        for id in self.index.unlisted_identities(namespace, list) {
            self.remove(id, now);
        }
    }

    /// A leaf Secret was seen.
    pub fn apply_secret(&mut self, meta: &PartialObjectMeta<Secret>, is_from_list: bool, now: Millis) {
        let secret = self.secret_entry(meta);
        let known = self.index.secret(&secret.namespace, &secret.name).map(|known| known.version);
        // A list shows what exists, and not what existed since the watch before it ended. What is no newer than the index
        // was delivered already: an answer to a write of ours, which came while the pages did, is ahead of them.
        let is_jump = is_from_list && known.is_none_or(|known| known < secret.version);
        self.put_secret(secret, Source::of_watch(is_from_list), is_jump, now);
    }

    pub(super) fn secret_entry(&self, meta: &PartialObjectMeta<Secret>) -> SecretEntry {
        let namespace = meta.metadata.namespace.as_deref().unwrap_or_default();
        SecretEntry::of(meta, self.policy.intern(namespace))
    }

    pub(super) fn put_secret(&mut self, secret: SecretEntry, source: Source, is_jump: bool, now: Millis) {
        let (namespace, name) = (secret.namespace.clone(), secret.name.clone());
        let known = self.index.secret(&namespace, &name);
        let is_handed_over = known.and_then(|known| known.identity_uid) != secret.identity_uid;
        self.note_known(&namespace, &name, is_jump, now);
        // Also if a newer version is remembered already, in which it lags no more.
        self.note_lagging(&secret, is_jump, now);
        self.index.put_secret(secret, source);
        for id in self.index.targeting(&namespace, &name) {
            if is_handed_over {
                self.backoff.clear(id);
            }
            self.reschedule(id, now);
        }
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
        let targeting = self.index.targeting(&secret.namespace, &secret.name);
        let mut owners = targeting.iter().filter_map(|id| Some((*id, self.index.entry(*id)?)));
        let owner = owners.find(|(_, entry)| secret.identity_uid == Some(entry.uid) && !entry.is_deleting);
        let (id, entry) = owner?;
        let signer = self.policy.signer(entry.authority)?;
        (is_doubtful || lags(secret, signer, seconds(now))).then_some((entry.authority, id))
    }

    /// A leaf Secret is gone.
    pub fn remove_secret(&mut self, namespace: &str, name: &str, now: Millis) {
        self.note_known(namespace, name, false, now);
        if let Some(version) = self.index.secret(namespace, name).map(|secret| secret.version) {
            self.index.mark_secret_deleted(namespace, name, version, now);
        }
        self.index.remove_secret(namespace, name);
        self.secret_changed(namespace, name, now);
    }

    /// Identities that wait for a Secret of this name are tried again at once.
    fn secret_changed(&mut self, namespace: &str, name: &str, now: Millis) {
        for id in self.index.targeting(namespace, name) {
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

    /// A namespace was seen.
    pub fn apply_namespace(&mut self, name: &str, namespace: NamespaceEntry, now: Millis) {
        if let Some(name) = self.policy.apply_namespace(name, namespace, now) {
            self.reschedule_where(now, |entry| entry.namespace == name);
        }
    }

    /// A namespace is gone.
    pub fn remove_namespace(&mut self, name: &str) {
        self.policy.remove_namespace(name);
    }

    /// A list of namespaces ended: these were not in it.
    pub fn remove_namespaces(&mut self, is_gone: impl Fn(&Arc<str>) -> bool) {
        self.policy.remove_namespaces(is_gone);
    }

    /// The spec of an authority was seen. Permissions depend on it before the authority signs.
    pub fn apply_authority(&mut self, spec: &Arc<AuthoritySpec>, now: Millis) {
        let changed = self.policy.apply_authority(spec, now);
        self.reschedule_of(changed, now);
    }

    /// An authority has this signer from now on, or none. What failed before is tried again.
    pub fn apply_issuer(&mut self, name: &str, signer: Option<IssuerEntry>, now: Millis) {
        if let Some(authority) = self.policy.apply_issuer(name, signer) {
            self.retry(authority, now);
        }
    }

    /// The signer of an authority goes by another spec from now on. What failed before is tried again.
    pub fn retry_authority(&mut self, name: &str, now: Millis) {
        self.retry(digest(name), now);
    }

    /// An authority is gone.
    pub fn remove_authority(&mut self, name: &str, now: Millis) {
        let gone = self.policy.remove_authority(name);
        self.reschedule_of(gone, now);
    }

    /// Another operator serves an authority: this one does not touch its identities.
    pub fn yield_authority(&mut self, name: &str, now: Millis) {
        let gone = self.policy.yield_authority(name);
        self.reschedule_of(gone, now);
    }

    /// Ends the backoffs of an authority's identities, because what they failed on has changed.
    fn retry(&mut self, authority: Digest, now: Millis) {
        let is_meant =
            |id: &IdentityId| self.index.entry(*id).is_some_and(|entry| entry.authority == authority);
        for id in self.backoff.ids().filter(is_meant).collect::<Vec<_>>() {
            self.backoff.clear(id);
        }
        self.reschedule_of(Some(authority), now);
    }

    fn reschedule_of(&mut self, authority: Option<Digest>, now: Millis) {
        if let Some(authority) = authority {
            self.reschedule_where(now, |entry| entry.authority == authority);
        }
    }

    fn reschedule_where(&mut self, now: Millis, is_meant: impl Fn(&IdentityEntry) -> bool) {
        let meant: Vec<IdentityId> =
            self.index.entries().filter(|(_, entry)| is_meant(entry)).map(|(id, _)| id).collect();
        for id in meant {
            self.reschedule(id, now);
        }
    }
}
