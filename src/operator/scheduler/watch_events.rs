//! What the watches tell: it is remembered, and whoever it concerns is queued or scheduled anew.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Secret;
use kube::core::PartialObjectMeta;

use super::Scheduler;
use crate::api::identity::MtlsIdentity;
use crate::operator::index::digest::{Digest, digest};
use crate::operator::index::identity::IdentityEntry;
use crate::operator::index::issuer::{IssuerEntry, lags};
use crate::operator::index::leaf_secret::SecretEntry;
use crate::operator::index::source::Source;
use crate::operator::index::time::Millis;
use crate::operator::index::{IdentityId, ListNumber};
use crate::plan::authority::spec::AuthoritySpec;
use crate::plan::selector::Labels;

/// Objects of identities in the queue that are kept to save reading them again.
const KEPT_OBJECTS: usize = 2048;

impl Scheduler {
    /// A list begins.
    pub fn begin_list(&mut self) -> ListNumber {
        self.index.begin_list()
    }

    /// An identity was seen.
    pub fn saw_identity(&mut self, identity: &MtlsIdentity, is_from_list: bool, now: Millis) {
        self.put_identity(identity, Source::of_watch(is_from_list), now);
    }

    pub(super) fn put_identity(&mut self, identity: &MtlsIdentity, source: Source, now: Millis) {
        let namespace = self.jurisdiction.shared(identity.metadata.namespace.as_deref().unwrap_or_default());
        let mut entry = IdentityEntry::of(identity, namespace);
        entry.judgement = self.jurisdiction.judge(&entry, identity);
        entry.seen = self.first_seen(&entry).unwrap_or_else(|| now.div_euclid(1000));
        let is_asked_for = self.is_asked_for(&entry);
        let Some(id) = self.index.put(entry, source) else { return };
        if is_asked_for {
            self.hurry(id);
        }
        self.revision += 1;
        if self.settle(id, now) && self.kept.len() < KEPT_OBJECTS {
            self.kept.insert(id, Box::new(identity.clone()));
        } else {
            self.kept.remove(&id);
        }
    }

    /// When this generation of an identity was seen first, if it was.
    fn first_seen(&self, entry: &IdentityEntry) -> Option<i64> {
        let known = self.index.entry(self.index.find(&entry.namespace, &entry.name)?)?;
        (known.uid == entry.uid && known.generation == entry.generation).then_some(known.seen)
    }

    /// An identity was seen to be gone. Those that wanted the same Secret may have their turn.
    pub fn lost_identity(&mut self, namespace: &str, name: &str, now: Millis) {
        if let Some(id) = self.index.find(namespace, name) {
            self.forget(id, now);
        }
    }

    fn forget(&mut self, id: IdentityId, now: Millis) {
        self.revision += 1;
        self.queue.remove(id);
        self.schedule.set(id, None);
        self.hurry(id);
        self.altered.remove(&id);
        self.kept.remove(&id);
        self.parked.remove(&id);
        if let Some(entry) = self.index.remove(id) {
            self.index.bury(&entry.namespace, &entry.name, entry.version, now);
            self.secret_changed(&entry.namespace, &entry.secret_name(), now);
        }
    }

    /// A list of identities ended: what it did not name is gone.
    pub fn end_identity_list(&mut self, namespace: Option<&str>, list: ListNumber, now: Millis) {
        for id in self.index.unlisted_identities(namespace, list) {
            self.forget(id, now);
        }
    }

    /// A leaf Secret was seen.
    pub fn saw_secret(&mut self, meta: &PartialObjectMeta<Secret>, is_from_list: bool, now: Millis) {
        let secret = self.seen(meta);
        let known = self.index.secret(&secret.namespace, &secret.name).map(|known| known.version);
        // A list tells what there is, and not what there was since the watch before it ended. Of what is no newer than the
        // index, everything was told: an answer to a write of ours, which came while the pages did, is ahead of them.
        let is_jump = is_from_list && known.is_none_or(|known| known < secret.version);
        self.put_secret(secret, Source::of_watch(is_from_list), is_jump, now);
    }

    pub(super) fn seen(&self, meta: &PartialObjectMeta<Secret>) -> SecretEntry {
        let namespace = meta.metadata.namespace.as_deref().unwrap_or_default();
        SecretEntry::of(meta, self.jurisdiction.shared(namespace))
    }

    pub(super) fn put_secret(&mut self, secret: SecretEntry, source: Source, is_jump: bool, now: Millis) {
        let (namespace, name) = (secret.namespace.clone(), secret.name.clone());
        let known = self.index.secret(&namespace, &name);
        let is_handed_over = known.and_then(|known| known.identity_uid) != secret.identity_uid;
        self.note_known(&namespace, &name, is_jump, now);
        // Also if a newer version is remembered already, which undid what was behind.
        self.note_behind(&secret, is_jump, now);
        self.index.put_secret(secret, source);
        for id in self.index.wanting(&namespace, &name) {
            if is_handed_over {
                self.retries.clear(id);
            }
            self.settle(id, now);
        }
    }

    /// A rotation must know of a Secret that was behind, or may have been, also if it is so no more when somebody looks.
    pub(super) fn note_behind(&mut self, secret: &SecretEntry, is_doubtful: bool, now: Millis) {
        self.behind.extend(self.behind(secret, is_doubtful, now));
    }

    /// The same of a Secret as it is remembered.
    fn note_known(&mut self, namespace: &str, name: &str, is_doubtful: bool, now: Millis) {
        let known = self.index.secret(namespace, name);
        self.behind.extend(known.and_then(|secret| self.behind(secret, is_doubtful, now)));
    }

    /// The identity of a Secret that is behind, or may have been, with its authority.
    fn behind(&self, secret: &SecretEntry, is_doubtful: bool, now: Millis) -> Option<(Digest, IdentityId)> {
        let wanting = self.index.wanting(&secret.namespace, &secret.name);
        let mut owners = wanting.iter().filter_map(|id| Some((*id, self.index.entry(*id)?)));
        let owner = owners.find(|(_, entry)| secret.identity_uid == Some(entry.uid) && !entry.is_going);
        let (id, entry) = owner?;
        let signer = self.jurisdiction.signer(entry.authority)?;
        (is_doubtful || lags(secret, signer, now.div_euclid(1000))).then_some((entry.authority, id))
    }

    /// A leaf Secret was seen to be gone.
    pub fn lost_secret(&mut self, namespace: &str, name: &str, now: Millis) {
        self.note_known(namespace, name, false, now);
        if let Some(version) = self.index.secret(namespace, name).map(|secret| secret.version) {
            self.index.bury_secret(namespace, name, version, now);
        }
        self.index.remove_secret(namespace, name);
        self.secret_changed(namespace, name, now);
    }

    /// Whoever waits for a Secret of this name tries again at once.
    fn secret_changed(&mut self, namespace: &str, name: &str, now: Millis) {
        for id in self.index.wanting(namespace, name) {
            self.retries.clear(id);
            self.settle(id, now);
        }
    }

    /// A list of Secrets ended: what it did not name is gone.
    pub fn end_secret_list(&mut self, namespace: Option<&str>, list: ListNumber, now: Millis) {
        for (namespace, name) in self.index.unlisted_secrets(namespace, list) {
            self.lost_secret(&namespace, &name, now);
        }
    }

    /// A namespace was seen.
    pub fn saw_namespace(&mut self, name: &str, labels: Labels, is_terminating: bool, now: Millis) {
        if let Some(name) = self.jurisdiction.saw_namespace(name, labels, is_terminating, now) {
            self.settle_where(now, |entry| entry.namespace == name);
        }
    }

    /// It was seen when a namespace was made, in seconds since 1970.
    pub fn dated_namespace(&mut self, name: &str, made: i64) {
        self.jurisdiction.dated_namespace(name, made);
    }

    /// A namespace was seen to be gone.
    pub fn lost_namespace(&mut self, name: &str) {
        self.jurisdiction.lost_namespace(name);
    }

    /// A list of namespaces ended: these were not in it.
    pub fn lost_namespaces(&mut self, is_gone: impl Fn(&Arc<str>) -> bool) {
        self.jurisdiction.lost_namespaces(is_gone);
    }

    /// The terms of an authority were seen. Identities can be judged by them before anybody signs.
    pub fn saw_terms(&mut self, terms: &Arc<AuthoritySpec>, now: Millis) {
        let changed = self.jurisdiction.saw_terms(terms, now);
        self.settle_of(changed, now);
    }

    /// Somebody signs for an authority from now on, or nobody does. What was tried in vain before is tried again.
    pub fn saw_signer(&mut self, name: &str, signer: Option<IssuerEntry>, now: Millis) {
        if let Some(authority) = self.jurisdiction.saw_signer(name, signer) {
            self.try_again(authority, now);
        }
    }

    /// Identities of an authority are judged by other terms from now on. What was tried in vain before is tried again.
    pub fn put_terms_in_force(&mut self, name: &str, now: Millis) {
        self.try_again(digest(name), now);
    }

    /// An authority is gone.
    pub fn lost_authority(&mut self, name: &str, now: Millis) {
        let gone = self.jurisdiction.lost_authority(name);
        self.settle_of(gone, now);
    }

    /// Another operator serves an authority: its identities are not ours to touch.
    pub fn yielded_authority(&mut self, name: &str, now: Millis) {
        let gone = self.jurisdiction.yielded_authority(name);
        self.settle_of(gone, now);
    }

    /// Backoffs that a change elsewhere has made pointless.
    fn try_again(&mut self, authority: Digest, now: Millis) {
        let is_meant =
            |id: &IdentityId| self.index.entry(*id).is_some_and(|entry| entry.authority == authority);
        for id in self.retries.ids().filter(is_meant).collect::<Vec<_>>() {
            self.retries.clear(id);
        }
        self.settle_of(Some(authority), now);
    }

    fn settle_of(&mut self, authority: Option<Digest>, now: Millis) {
        if let Some(authority) = authority {
            self.settle_where(now, |entry| entry.authority == authority);
        }
    }

    fn settle_where(&mut self, now: Millis, is_meant: impl Fn(&IdentityEntry) -> bool) {
        let meant: Vec<IdentityId> =
            self.index.entries().filter(|(_, entry)| is_meant(entry)).map(|(id, _)| id).collect();
        for id in meant {
            self.settle(id, now);
        }
    }
}
