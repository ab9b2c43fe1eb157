//! What the scheduler learns from watches of identities, namespaces and authorities: it is remembered, and the identities that it
//! concerns are rescheduled.
//!
//! An event of an older version than is remembered changes nothing, except in a list, which shows what exists.

use std::sync::Arc;

use super::Scheduler;
use crate::operator::index::IdentityId;
use crate::operator::index::digest::{Digest, digest};
use crate::operator::index::identity::{IdentityEntry, ParsedIdentity};
use crate::operator::index::issuer::IssuerEntry;
use crate::operator::index::listed::ListNumber;
use crate::operator::index::policy::NamespaceEntry;
use crate::operator::index::source::Source;
use crate::operator::index::texts::Texts;
use crate::operator::index::time::{Millis, Second, seconds};
use crate::plan::authority::spec::AuthoritySpec;

impl Scheduler {
    /// A list begins.
    pub fn start_list(&mut self) -> ListNumber {
        self.index.start_list()
    }

    /// An identity was seen.
    pub fn apply_identity(&mut self, identity: impl Into<ParsedIdentity>, is_from_list: bool, now: Millis) {
        self.insert_identity(identity.into(), Source::of_watch(is_from_list), now);
    }

    pub(super) fn insert_identity(&mut self, parsed: ParsedIdentity, source: Source, now: Millis) {
        let ParsedIdentity { spec, mut entry, object } = parsed;
        entry.namespace = self.policy.intern(&entry.namespace);
        entry.permission = self.policy.check(&entry, spec.as_ref());
        let first_seen = self.first_seen(&entry);
        entry.first_seen = first_seen.unwrap_or_else(|| Second::nearest(seconds(now)));
        entry.kept = object.and_then(|object| object.keep(&mut self.texts));
        let has_new_renew_request = self.has_new_renew_request(&entry);
        let Some(id) = self.index.put(entry, source) else { return };
        if first_seen.is_none() {
            // Its key may not be wanted any more, or another one.
            self.suspended.remove(&id);
            self.keys.forget(id);
        }
        if has_new_renew_request && self.floor_until(id, now).is_none() {
            self.clear_pauses(id);
        }
        self.revision += 1;
        self.reschedule(id, now);
    }

    /// The texts of the objects that are kept, to read.
    #[must_use]
    pub fn texts(&self) -> &Texts {
        &self.texts
    }

    /// When this generation of an identity was seen first, if it was.
    fn first_seen(&self, entry: &IdentityEntry) -> Option<Second> {
        let known = self.index.entry(self.index.find(&entry.namespace, entry.name())?)?;
        (known.uid == entry.uid && known.generation == entry.generation).then_some(known.first_seen)
    }

    /// An identity is gone. Others that ask for the same Secret may have it, if it had it.
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
        self.floor.remove(id);
        self.altered.remove(&id);
        self.suspended.remove(&id);
        self.keys.forget(id);
        if let Some(entry) = self.index.remove(id) {
            self.index.mark_deleted(&entry.namespace, entry.name(), entry.version, now);
            let secret = entry.secret_name();
            let held = self.index.secret(&entry.namespace, &secret);
            if held.is_some_and(|held| held.identity_uid == Some(entry.uid)) {
                self.secret_changed(&entry.namespace, &secret, [None, None], now);
            }
        }
    }

    /// A list of identities ended: what it did not name is gone.
    pub fn finish_identity_list(&mut self, namespace: Option<&str>, list: ListNumber, now: Millis) {
        for id in self.index.unlisted_identities(namespace, list) {
            self.remove(id, now);
        }
    }

    /// A namespace was seen.
    pub fn apply_namespace(&mut self, name: &str, namespace: NamespaceEntry, now: Millis) {
        if let Some(name) = self.policy.apply_namespace(name, namespace, now) {
            let members: Vec<IdentityId> = self.index.members(&name).collect();
            self.reschedule_all(&members, now);
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
        self.reschedule_all(&meant, now);
    }

    /// What an identity may have has changed: one that waits for a key may not want it any more.
    fn reschedule_all(&mut self, ids: &[IdentityId], now: Millis) {
        for id in ids {
            self.suspended.remove(id);
            self.reschedule(*id, now);
        }
    }
}
