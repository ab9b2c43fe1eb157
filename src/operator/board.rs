//! What needs a look, and when: the index, the schedule, the queue and the backoffs, kept consistent under one lock.
//! Watches tell it what they see, workers take from it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use k8s_openapi::api::core::v1::Secret;
use kube::core::PartialObjectMeta;

use super::attention::{Attention, AuthorityMark, Circumstances, Class, SignerMark, attention};
use super::entry::{Digest, Entry, Judgement, SeenSecret, digest};
use super::index::{IdentityId, Index, ListNumber};
use super::pace::Pace;
use super::queue::Queue;
use super::retry::Retries;
use super::schedule::{Millis, Schedule};
use super::sight::is_behind;
use crate::api::identity::MtlsIdentity;
use crate::plan::asked::Asked;
use crate::plan::policy;
use crate::plan::profile::TermsHash;
use crate::plan::selector::Labels;
use crate::plan::terms::Terms;

/// Objects of identities in the queue that are kept to save reading them again.
const KEPT_OBJECTS: usize = 2048;

/// A namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespace {
    /// Its labels.
    pub labels: Labels,
    /// Whether it is being deleted, so that nothing can be created in it.
    pub is_terminating: bool,
    /// When it was made, in seconds since 1970.
    pub made: i64,
    epoch: u64,
}

/// An authority, as far as identities depend on it.
#[derive(Clone, Debug)]
struct Authority {
    terms: Arc<Terms>,
    mark: AuthorityMark,
}

/// One identity to look at.
#[derive(Debug)]
pub struct Job {
    /// Its place.
    pub id: IdentityId,
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: String,
    /// Why it is looked at, roughly.
    pub class: Class,
    /// The object, where it was kept.
    pub identity: Option<Box<MtlsIdentity>>,
    /// The Secret of the name it wants, by its metadata.
    pub secret: Option<SeenSecret>,
}

/// The board.
#[derive(Debug, Default)]
pub struct Board {
    index: Index,
    queue: Queue,
    schedule: Schedule,
    retries: Retries,
    kept: HashMap<IdentityId, Box<MtlsIdentity>>,
    namespaces: HashMap<Arc<str>, Namespace>,
    authorities: HashMap<Digest, Authority>,
    /// Authorities that another operator serves.
    others: HashSet<Digest>,
    /// Identities, with their authority, whose Secret was seen behind its signer since somebody last asked.
    behind: HashSet<(Digest, IdentityId)>,
    /// Identities that wait for a key of theirs to be made.
    parked: HashSet<IdentityId>,
    epochs: u64,
    revision: u64,
}

impl Board {
    /// The index, to read.
    #[must_use]
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// The queue, to read.
    #[must_use]
    pub fn queue(&self) -> &Queue {
        &self.queue
    }

    /// The backoffs, to read.
    #[must_use]
    pub fn retries(&self) -> &Retries {
        &self.retries
    }

    /// A namespace.
    #[must_use]
    pub fn namespace(&self, name: &str) -> Option<&Namespace> {
        self.namespaces.get(name)
    }

    /// When time alone makes something need a look, or gives it its turn.
    #[must_use]
    pub fn earliest(&self, now: Millis) -> Option<Millis> {
        self.schedule.earliest().into_iter().chain(self.queue.next_turn(now)).min()
    }

    /// A list begins.
    pub fn begin_list(&mut self) -> ListNumber {
        self.index.begin_list()
    }

    /// An identity was seen.
    pub fn saw_identity(&mut self, identity: &MtlsIdentity, is_from_list: bool, now: Millis) {
        let namespace = self.shared(identity.metadata.namespace.as_deref().unwrap_or_default());
        let mut entry = Entry::of(identity, namespace);
        entry.judgement = self.judge(&entry, identity);
        let Some(id) = self.index.put(entry, is_from_list) else { return };
        self.revision += 1;
        if self.settle(id, now) && self.kept.len() < KEPT_OBJECTS {
            self.kept.insert(id, Box::new(identity.clone()));
        } else {
            self.kept.remove(&id);
        }
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
        self.retries.clear(id);
        self.kept.remove(&id);
        self.parked.remove(&id);
        if let Some(entry) = self.index.remove(id) {
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
        let namespace = self.shared(meta.metadata.namespace.as_deref().unwrap_or_default());
        let secret = SeenSecret::of(meta, namespace.clone());
        let name = secret.name.clone();
        let known = self.index.secret(&namespace, &name).map(|known| known.version);
        // A list tells what there is, and not what there was since the watch before it ended.
        let is_jump = is_from_list && known != Some(secret.version);
        self.note_behind(&namespace, &name, is_jump, now);
        self.index.put_secret(secret, is_from_list);
        self.note_behind(&namespace, &name, is_jump, now);
        for id in self.index.wanting(&namespace, &name) {
            self.settle(id, now);
        }
    }

    /// A rotation must know of a Secret that was behind, or may have been, also if it is so no more when somebody looks.
    fn note_behind(&mut self, namespace: &str, name: &str, is_doubtful: bool, now: Millis) {
        let Some(secret) = self.index.secret(namespace, name) else { return };
        let wanting = self.index.wanting(namespace, name);
        let mut owners = wanting.iter().filter_map(|id| Some((*id, self.index.entry(*id)?)));
        let owner = owners.find(|(_, entry)| secret.identity_uid == Some(entry.uid) && !entry.is_going);
        let Some((id, entry)) = owner else { return };
        let signer = self.authorities.get(&entry.authority).and_then(|found| found.mark.signer.as_ref());
        if signer.is_some_and(|signer| is_doubtful || is_behind(secret, signer, now.div_euclid(1000))) {
            self.behind.insert((entry.authority, id));
        }
    }

    /// Whether a Secret of this authority was seen behind since the last call, but for identities that are excluded.
    pub fn take_behind(&mut self, authority: &str, excluded: &[String]) -> bool {
        let authority = digest(authority);
        let index = &self.index;
        let taken = self.behind.extract_if(|(of, _)| *of == authority);
        let counts = |id| {
            let entry = index.entry(id);
            entry.is_none_or(|entry| !excluded.contains(&format!("{}/{}", entry.namespace, entry.name)))
        };
        // All of them are taken, whether or not they count.
        taken.filter(|(_, id)| counts(*id)).count() > 0
    }

    /// A leaf Secret was seen to be gone.
    pub fn lost_secret(&mut self, namespace: &str, name: &str, now: Millis) {
        self.note_behind(namespace, name, false, now);
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
        let before = self.namespaces.get(name);
        if before.is_some_and(|n| n.labels == labels && n.is_terminating == is_terminating) {
            return;
        }
        let made = before.map_or(0, |before| before.made);
        let epoch = self.next_epoch();
        let name = self.shared(name);
        self.namespaces.insert(name.clone(), Namespace { labels, is_terminating, made, epoch });
        self.settle_where(now, |entry| entry.namespace == name);
    }

    /// It was seen when a namespace was made, in seconds since 1970.
    pub fn dated_namespace(&mut self, name: &str, made: i64) {
        if let Some(namespace) = self.namespaces.get_mut(name) {
            namespace.made = made;
        }
    }

    /// A namespace was seen to be gone.
    pub fn lost_namespace(&mut self, name: &str) {
        self.namespaces.remove(name);
    }

    /// Every namespace with its name.
    pub fn namespaces(&self) -> impl Iterator<Item = (&Arc<str>, &Namespace)> {
        self.namespaces.iter()
    }

    /// Namespaces that are known.
    #[must_use]
    pub fn namespace_names(&self) -> Vec<Arc<str>> {
        self.namespaces.keys().cloned().collect()
    }

    /// Counts every change of what is remembered of identities.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Another operator serves an authority: its identities are not ours to touch.
    pub fn yielded_authority(&mut self, name: &str, now: Millis) {
        if self.others.insert(digest(name)) {
            self.lost_authority(name, now);
        }
    }

    /// Whether another operator serves this authority.
    #[must_use]
    pub fn is_anothers(&self, authority: Digest) -> bool {
        self.others.contains(&authority)
    }

    /// Whether somebody signs for this authority.
    #[must_use]
    pub fn has_signer(&self, authority: Digest) -> bool {
        self.authorities.get(&authority).is_some_and(|found| found.mark.signer.is_some())
    }

    /// An identity waits for its key.
    pub fn park(&mut self, id: IdentityId) {
        self.parked.insert(id);
    }

    /// The key of an identity is there. False if nobody waits for it.
    pub fn unpark(&mut self, id: IdentityId, now: Millis) -> bool {
        let waited = self.parked.remove(&id);
        if waited {
            self.settle(id, now);
        }
        waited
    }

    /// The terms of an authority were seen. Identities can be judged by them before anybody signs.
    pub fn saw_terms(&mut self, terms: &Arc<Terms>, now: Millis) {
        let name = digest(&terms.name);
        self.others.remove(&name);
        let before = self.authorities.get(&name);
        if before.is_some_and(|before| before.terms == *terms) {
            return;
        }
        let signer = before.and_then(|before| before.mark.signer.clone());
        let mark = AuthorityMark { epoch: self.next_epoch(), terms: TermsHash::of(terms), signer };
        self.authorities.insert(name, Authority { terms: terms.clone(), mark });
        self.settle_where(now, |entry| entry.authority == name);
    }

    /// Somebody signs for an authority from now on, or nobody does. What was tried in vain before is tried again.
    pub fn saw_signer(&mut self, name: &str, signer: Option<SignerMark>, now: Millis) {
        let name = digest(name);
        if let Some(authority) = self.authorities.get_mut(&name) {
            authority.mark.signer = signer;
            self.try_again_where(|entry| entry.authority == name);
            self.settle_where(now, |entry| entry.authority == name);
        }
    }

    /// An authority is gone, or is another operator's.
    pub fn lost_authority(&mut self, name: &str, now: Millis) {
        let name = digest(name);
        if self.authorities.remove(&name).is_some() {
            self.settle_where(now, |entry| entry.authority == name);
        }
    }

    /// Backoffs that a change elsewhere has made pointless.
    fn try_again_where(&mut self, is_meant: impl Fn(&Entry) -> bool) {
        let meant =
            self.retries.ids().filter(|id| self.index.entry(*id).is_some_and(&is_meant)).collect::<Vec<_>>();
        for id in meant {
            self.retries.clear(id);
        }
    }

    fn settle_where(&mut self, now: Millis, is_meant: impl Fn(&Entry) -> bool) {
        let meant: Vec<IdentityId> =
            self.index.entries().filter(|(_, entry)| is_meant(entry)).map(|(id, _)| id).collect();
        for id in meant {
            self.settle(id, now);
        }
    }

    /// Puts every identity whose deadline has come where it belongs. True if somebody waits in the queue.
    pub fn sweep(&mut self, now: Millis) -> bool {
        while let Some(id) = self.schedule.pop_due(now) {
            self.settle(id, now);
        }
        !self.queue.is_empty()
    }

    /// From now on whoever waits keeps to this pace.
    pub fn keep_to(&mut self, pace: Pace) {
        self.queue.keep_to(pace);
    }

    /// The next identity to look at. One that no longer needs it is passed over.
    pub fn take(&mut self, now: Millis) -> Option<Job> {
        loop {
            let (id, class) = self.queue.pop(now)?;
            if !matches!(self.attention(id, now), Some(Attention::Now(_))) {
                self.queue.done(id, now);
                self.settle(id, now);
                continue;
            }
            let identity = self.kept.remove(&id);
            let entry = self.index.entry(id)?;
            let secret = self.index.secret(&entry.namespace, &entry.secret_name()).cloned();
            let (namespace, name) = (entry.namespace.clone(), entry.name.to_string());
            return Some(Job { id, namespace, name, class, identity, secret });
        }
    }

    /// Work on an identity has ended. One that still needs a look, though nothing has changed meanwhile, backs off.
    pub fn done(&mut self, id: IdentityId, has_failed: bool, now: Millis) {
        let is_queued_again = self.queue.done(id, now);
        let Some(entry) = self.index.entry(id) else { return };
        let generation = entry.generation;
        let needs_a_look = matches!(self.attention(id, now), Some(Attention::Now(_)));
        if has_failed || (needs_a_look && !is_queued_again) {
            self.retries.failed(id, generation, now);
            self.queue.remove(id);
        } else if !needs_a_look {
            self.retries.clear(id);
        }
        self.settle(id, now);
    }

    /// Queues or schedules an identity, or neither. True if it waits in the queue.
    fn settle(&mut self, id: IdentityId, now: Millis) -> bool {
        let Some(need) = self.attention(id, now) else { return false };
        let Some(entry) = self.index.entry(id) else { return false };
        let held_back = self.retries.until(id, entry.generation).filter(|until| *until > now);
        let urgency = entry.recorded.not_after;
        let at = match (need, held_back) {
            (Attention::Now(class), None) => {
                self.schedule.set(id, None);
                self.queue.push(id, class, urgency);
                return true;
            }
            (Attention::Now(_), Some(until)) => Some(until),
            (Attention::At(second), _) => Some(second.saturating_mul(1000)),
            (Attention::OnChange, _) => None,
        };
        self.queue.remove(id);
        self.schedule.set(id, at);
        false
    }

    fn attention(&self, id: IdentityId, now: Millis) -> Option<Attention> {
        let entry = self.index.entry(id)?;
        if self.parked.contains(&id) || self.others.contains(&entry.authority) {
            return Some(Attention::OnChange);
        }
        let Some(namespace) = self.namespaces.get(&entry.namespace) else { return Some(Attention::OnChange) };
        let secret = self.index.secret(&entry.namespace, &entry.secret_name());
        if namespace.is_terminating && secret.is_none() {
            return Some(Attention::OnChange);
        }
        let authority = self.authorities.get(&entry.authority);
        let around = Circumstances {
            secret,
            authority: authority.map(|authority| &authority.mark),
            is_permitted: authority.and_then(|authority| is_permitted(entry, authority, namespace)),
            now: now.div_euclid(1000),
        };
        Some(attention(entry, around))
    }

    fn judge(&self, entry: &Entry, identity: &MtlsIdentity) -> Option<Judgement> {
        let authority = self.authorities.get(&entry.authority)?;
        let namespace = self.namespaces.get(&entry.namespace)?;
        let asked = Asked::parse(identity).ok()?;
        let is_permitted = policy::permit(&asked, &authority.terms, &namespace.labels).is_ok();
        Some(Judgement { epoch: epoch(authority, namespace), is_permitted })
    }

    fn next_epoch(&mut self) -> u64 {
        self.epochs += 1;
        self.epochs
    }

    /// One copy of each namespace's name, however many objects live in it.
    fn shared(&self, namespace: &str) -> Arc<str> {
        self.namespaces.get_key_value(namespace).map_or_else(|| namespace.into(), |(name, _)| name.clone())
    }
}

fn is_permitted(entry: &Entry, authority: &Authority, namespace: &Namespace) -> Option<bool> {
    if entry.is_plain {
        return Some(policy::permits_plain(&authority.terms, &entry.namespace, &namespace.labels));
    }
    let judgement = entry.judgement.filter(|judgement| judgement.epoch == epoch(authority, namespace))?;
    Some(judgement.is_permitted)
}

/// Both counters only rise, so their sum changes whenever one of them does.
const fn epoch(authority: &Authority, namespace: &Namespace) -> u64 {
    authority.mark.epoch + namespace.epoch
}
