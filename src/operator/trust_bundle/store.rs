//! Every published trust bundle, as the watches show it, and what failed where.
//!
//! Pure. Of a bundle's text 64 bits are kept: an edit by hand shows in its own event, and no object has to be read.

use std::collections::{HashMap, HashSet};

use crate::operator::index::digest::{Digest, digest, version_number};
use crate::operator::index::listed::{ListNumber, Listed};
use crate::operator::index::time::Millis;
use crate::operator::index::tombstones::Tombstones;
use crate::operator::scheduler::backoff::Backoff;
use crate::plan::trust_bundle::decide::{Conflict, PublishedBundle, Target, TargetState};

/// A bundle as it was observed, and what a write must name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedBundle {
    /// What decisions compare.
    pub published: PublishedBundle,
    /// Uid of the object.
    pub uid: String,
    /// Version of the object.
    pub version: String,
}

/// Why a bundle is not published at its target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublishFailure {
    /// Another object or authority has the target.
    Conflict(Conflict),
    /// A write failed: a sentence.
    Failed(String),
}

/// Which targets a list covers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ListScope {
    /// ConfigMaps in one namespace, or in all.
    ConfigMaps(Option<String>),
    /// ClusterTrustBundles.
    Cluster,
}

impl ListScope {
    pub(super) fn covers(&self, target: &Target) -> bool {
        match (self, target) {
            (Self::ConfigMaps(scope), Target::ConfigMap { namespace, .. }) => {
                scope.as_deref().is_none_or(|scope| scope == &**namespace)
            }
            (Self::Cluster, Target::Cluster { .. }) => true,
            _ => false,
        }
    }
}

/// Whether ClusterTrustBundles are available.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Availability {
    /// Not known yet.
    #[default]
    Unknown,
    /// The API server does not serve them.
    NotServed,
    /// They cannot be listed: a sentence.
    Denied(String),
    /// They can be listed.
    Open,
}

/// The published bundles, by target.
///
/// # Guarantees
/// A bundle that a watch saw deleted is not brought back by the late response to an earlier write. A text that was not current
/// is reported once by [`Self::take_drifted`], also if it is gone by then. A failure is kept for a target only while a bundle is
/// desired or published there.
///
/// # Assumptions
/// Only the leader writes failures; watches of every replica write the rest.
#[derive(Debug, Default)]
pub struct BundleStore {
    pub(super) published: HashMap<Target, Listed<ObservedBundle>>,
    /// Versions that were not read yet.
    pub(super) unread: HashMap<Target, String>,
    deleted: Tombstones,
    failures: HashMap<Target, PublishFailure>,
    backoff: Backoff<Digest>,
    /// The current text of each authority, by its name.
    current: HashMap<Digest, u64>,
    /// Targets where another text was seen since the last call of `take_drifted`.
    pub(super) drifted: HashSet<Target>,
    pub(super) list: ListNumber,
    /// Lists that are complete.
    pub(super) listed: HashSet<ListScope>,
    /// Which ConfigMaps are watched, or why they cannot be.
    pub(super) config_maps: HashMap<ListScope, Result<(), String>>,
    availability: Availability,
    pub(super) revision: u64,
}

impl BundleStore {
    /// A list begins: a bundle that neither the list nor an event names until its end does not exist.
    pub fn begin_list(&mut self) -> ListNumber {
        self.list = self.list.next();
        self.list
    }

    /// A list is complete.
    pub fn end_list(&mut self, range: ListScope, list: ListNumber) {
        let is_stale = |(target, listed): (&Target, &Listed<ObservedBundle>)| {
            (range.covers(target) && listed.is_missing_from(list)).then(|| target.clone())
        };
        let stale: Vec<Target> = self.published.iter().filter_map(is_stale).collect();
        for target in &stale {
            self.remove(target);
        }
        self.listed.insert(range);
        self.revision += 1;
    }

    /// Whether a complete list covers a target.
    #[must_use]
    pub fn is_listed(&self, target: &Target) -> bool {
        self.listed.iter().any(|range| range.covers(target))
    }

    /// A response to a request shows a bundle of this operator. It can be late: it does not bring back a deleted bundle.
    pub fn apply_response(&mut self, target: &Target, seen: ObservedBundle) {
        let version = version_number(&seen.version);
        let is_late = self.seen(target).is_some_and(|known| version < version_number(&known.version));
        if !is_late && !self.has_deleted(target, &seen) {
            self.apply(target, seen, false);
        }
    }

    /// A watch shows a bundle of this operator.
    pub fn apply(&mut self, target: &Target, seen: ObservedBundle, is_from_list: bool) {
        // Also if a newer version, which undid it, is known already.
        if self.has_drifted(&seen.published) {
            self.drifted.insert(target.clone());
        }
        let before = self.published.get(target).map(|listed| &listed.item);
        let is_late = before.is_some_and(|before| {
            before.uid == seen.uid && version_number(&seen.version) < version_number(&before.version)
        });
        if is_late && !is_from_list {
            return;
        }
        if before != Some(&seen) {
            self.note_drift(target);
            self.clear_failure(target);
        }
        self.was_read(target, &seen.version);
        self.published.insert(target.clone(), Listed::new(seen, self.list));
    }

    /// A watch shows that a bundle was deleted or lost its label, with the version of that event.
    pub fn delete(&mut self, target: &Target, version: &str, now: Millis) {
        self.remove(target);
        self.deleted.insert(digest(&target.to_string()), version_number(version), now);
    }

    /// Whether a bundle was deleted in this version or a later one.
    #[must_use]
    pub fn has_deleted(&self, target: &Target, seen: &ObservedBundle) -> bool {
        self.deleted.covers(digest(&target.to_string()), version_number(&seen.version))
    }

    /// A bundle does not exist any more, or is not this operator's any more.
    pub fn remove(&mut self, target: &Target) {
        self.note_drift(target);
        self.note_unread(target);
        self.published.remove(target);
        self.clear_failure(target);
    }

    /// A rotation must know of a text that was not current, also if it is gone when the rotation is reconciled.
    fn note_drift(&mut self, target: &Target) {
        if self.published.get(target).is_some_and(|listed| self.has_drifted(&listed.item.published)) {
            self.drifted.insert(target.clone());
        }
    }

    fn has_drifted(&self, published: &PublishedBundle) -> bool {
        let current = published.authority.as_ref().and_then(|name| self.current.get(&digest(name)));
        let differs = current.is_none_or(|text| published.text != Some(*text));
        differs && published.is_read && !self.current.is_empty()
    }

    /// Sets the current text of an authority.
    pub fn set_current(&mut self, authority: &str, text: u64) {
        if self.current.insert(digest(authority), text) != Some(text) {
            self.revision += 1;
        }
    }

    /// Drops the current text of an authority that is not served any more.
    pub fn remove_current(&mut self, authority: &str) {
        self.current.remove(&digest(authority));
    }

    /// Whether another text than the current one was seen at one of these targets since the last call.
    pub fn take_drifted(&mut self, targets: &[Target]) -> bool {
        // All of them are taken, one after the other.
        targets.iter().filter(|target| self.drifted.remove(target)).count() > 0
    }

    /// What is known of a target, for decisions.
    #[must_use]
    pub fn found(&self, target: &Target) -> TargetState {
        match (self.published.get(target), self.failures.get(target)) {
            (Some(listed), _) => TargetState::Ours(listed.item.published.clone()),
            (None, Some(PublishFailure::Conflict(Conflict::Foreign))) => TargetState::Foreign,
            (None, _) => TargetState::Nothing,
        }
    }

    /// The bundle that was observed at a target.
    #[must_use]
    pub fn seen(&self, target: &Target) -> Option<&ObservedBundle> {
        self.published.get(target).map(|listed| &listed.item)
    }

    /// The targets with a bundle of this authority.
    pub fn targets_of(&self, authority: &str) -> impl Iterator<Item = &Target> {
        let is_its = move |listed: &Listed<ObservedBundle>| {
            listed.item.published.authority.as_deref() == Some(authority)
        };
        self.published.iter().filter(move |(_, listed)| is_its(listed)).map(|(target, _)| target)
    }

    /// Writing this text to a target failed, or removing another one. It is retried with backoff.
    pub fn record_failure(&mut self, target: &Target, failure: PublishFailure, text: u64, now: Millis) {
        self.note(target, failure);
        self.backoff.failed(digest(&target.to_string()), text.cast_signed(), now);
    }

    /// Notes why a bundle is not published at a target, until that changes.
    pub fn note(&mut self, target: &Target, failure: PublishFailure) {
        if self.failures.insert(target.clone(), failure.clone()) != Some(failure) {
            self.revision += 1;
        }
    }

    /// Until when this text waits for a retry at a target.
    #[must_use]
    pub fn backoff_until(&self, target: &Target, text: u64, now: Millis) -> Option<Millis> {
        if self.failures.contains_key(target) {
            return self.backoff.until(digest(&target.to_string()), text.cast_signed(), now);
        }
        None
    }

    /// Forgets the failure at a target.
    pub fn clear_failure(&mut self, target: &Target) {
        self.revision += 1;
        if self.failures.remove(target).is_some() {
            self.backoff.clear(digest(&target.to_string()));
        }
    }

    /// Forgets drift and failures at targets where no bundle is desired, except failures to remove one.
    pub fn retain_targets(&mut self, is_wanted: impl Fn(&Target) -> bool) {
        self.drifted.retain(|target| is_wanted(target));
        let published = &self.published;
        let is_settled =
            |target: &Target, _: &mut PublishFailure| !is_wanted(target) && !published.contains_key(target);
        for (target, _) in self.failures.extract_if(is_settled) {
            self.backoff.clear(digest(&target.to_string()));
        }
    }

    /// Number of targets with drift or a failure.
    #[must_use]
    pub fn noted(&self) -> usize {
        self.drifted.len() + self.failures.len()
    }

    /// The failure at a target.
    #[must_use]
    pub fn failure(&self, target: &Target) -> Option<&PublishFailure> {
        self.failures.get(target)
    }

    /// Whether ClusterTrustBundles are available.
    #[must_use]
    pub const fn availability(&self) -> &Availability {
        &self.availability
    }

    /// Sets whether ClusterTrustBundles are available.
    pub fn set_availability(&mut self, availability: Availability) {
        self.availability = availability;
        self.revision += 1;
    }

    /// Counts every change of the store.
    #[must_use]
    pub const fn revision(&self) -> u64 {
        self.revision
    }
}
