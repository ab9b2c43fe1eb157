//! Every published trust bundle, compactly: what the watches see of it, and what keeps it from its place. Of its text 64
//! bits are remembered, so that an edit by hand shows in its own event, and nothing has to be read.

use std::collections::{HashMap, HashSet};

use crate::operator::index::digest::{Digest, digest, version_number};
use crate::operator::index::time::Millis;
use crate::operator::index::tombstones::Tombstones;
use crate::operator::scheduler::backoff::Backoff;
use crate::plan::trust_bundle::decide::{Conflict, PublishedBundle, Target, TargetState};

/// A bundle that was seen, and what a write must name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedBundle {
    /// What decisions need of it.
    pub posted: PublishedBundle,
    /// Uid of the object.
    pub uid: String,
    /// Version of the object.
    pub version: String,
}

/// What keeps a bundle from its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublishFailure {
    /// Somebody is in the way.
    Conflict(Conflict),
    /// It could not be written: a sentence.
    Failed(String),
}

/// Which places a list covers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ListScope {
    /// ConfigMaps in one namespace, or in all.
    ConfigMaps(Option<String>),
    /// ClusterTrustBundles.
    Cluster,
}

impl ListScope {
    fn covers(&self, place: &Target) -> bool {
        match (self, place) {
            (Self::ConfigMaps(scope), Target::ConfigMap { namespace, .. }) => {
                scope.as_deref().is_none_or(|scope| scope == &**namespace)
            }
            (Self::Cluster, Target::Cluster { .. }) => true,
            _ => false,
        }
    }
}

/// Whether ClusterTrustBundles can be had.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Availability {
    /// Nobody knows yet.
    #[default]
    Unknown,
    /// The API server does not serve them.
    NotServed,
    /// They cannot be listed: a sentence.
    Denied(String),
    /// They can.
    Open,
}

#[derive(Debug)]
struct Listed {
    seen: ObservedBundle,
    list: u64,
}

/// What is known of them. Pure: it is told what the watches see.
#[derive(Debug, Default)]
pub struct BundleStore {
    posted: HashMap<Target, Listed>,
    deleted: Tombstones,
    troubles: HashMap<Target, PublishFailure>,
    retries: Backoff<Digest>,
    /// The text in force of each authority, by its name.
    in_force: HashMap<Digest, Digest>,
    /// Places where another text was seen since somebody last asked.
    strayed: HashSet<Target>,
    list: u64,
    /// What was listed to its end.
    listed: HashSet<ListScope>,
    access: Availability,
    revision: u64,
}

impl BundleStore {
    /// A list begins: what it does not name, and nothing else does meanwhile, is gone.
    pub fn begin_list(&mut self) -> u64 {
        self.list += 1;
        self.list
    }

    /// A list ended.
    pub fn end_list(&mut self, range: ListScope, list: u64) {
        let is_stale = |(place, listed): (&Target, &Listed)| {
            (range.covers(place) && listed.list < list).then(|| place.clone())
        };
        let stale: Vec<Target> = self.posted.iter().filter_map(is_stale).collect();
        for place in &stale {
            self.lost(place);
        }
        self.listed.insert(range);
        self.revision += 1;
    }

    /// Whether a list has ended that would have named what lies at a place.
    #[must_use]
    pub fn is_listed(&self, place: &Target) -> bool {
        self.listed.iter().any(|range| range.covers(place))
    }

    /// An answer shows a bundle of ours. It can be late, and brings nothing back that was seen to be deleted meanwhile.
    pub fn answered(&mut self, place: &Target, seen: ObservedBundle) {
        let version = version_number(&seen.version);
        let is_late = self.seen(place).is_some_and(|known| version < version_number(&known.version));
        if !is_late && !self.has_deleted(place, &seen) {
            self.saw(place, seen, false);
        }
    }

    /// A bundle of ours was seen by a watch.
    pub fn saw(&mut self, place: &Target, seen: ObservedBundle, is_from_list: bool) {
        // Also if a newer version is remembered already, which undid it.
        if self.is_stray(&seen.posted) {
            self.strayed.insert(place.clone());
        }
        let before = self.posted.get(place).map(|listed| &listed.seen);
        let is_late = before.is_some_and(|before| {
            before.uid == seen.uid && version_number(&seen.version) < version_number(&before.version)
        });
        if is_late && !is_from_list {
            return;
        }
        if before != Some(&seen) {
            self.note_stray(place);
            self.forgive(place);
        }
        self.posted.insert(place.clone(), Listed { seen, list: self.list });
    }

    /// A watch tells that a bundle was deleted, or is selected no more: it names the version of that.
    pub fn deleted(&mut self, place: &Target, version: &str, now: Millis) {
        self.lost(place);
        self.deleted.insert(digest(&place.to_string()), version_number(version), now);
    }

    /// Whether a bundle was seen to be deleted in this state or in a later one.
    #[must_use]
    pub fn has_deleted(&self, place: &Target, seen: &ObservedBundle) -> bool {
        self.deleted.covers(digest(&place.to_string()), version_number(&seen.version))
    }

    /// A bundle was seen to be gone, or to be ours no more.
    pub fn lost(&mut self, place: &Target) {
        self.note_stray(place);
        self.posted.remove(place);
        self.forgive(place);
    }

    /// A rotation must know of a text that was not in force, also if it is gone when somebody looks.
    fn note_stray(&mut self, place: &Target) {
        if self.posted.get(place).is_some_and(|listed| self.is_stray(&listed.seen.posted)) {
            self.strayed.insert(place.clone());
        }
    }

    fn is_stray(&self, posted: &PublishedBundle) -> bool {
        let in_force = posted.authority.as_ref().and_then(|name| self.in_force.get(&digest(name)));
        in_force.is_none_or(|text| posted.text != Some(*text)) && !self.in_force.is_empty()
    }

    /// This text is in force from now on.
    pub fn put_in_force(&mut self, authority: &str, text: Digest) {
        if self.in_force.insert(digest(authority), text) != Some(text) {
            self.revision += 1;
        }
    }

    /// Whether another text than the one in force was seen at one of these places since the last call.
    pub fn take_strayed(&mut self, places: &[Target]) -> bool {
        // All of them are taken, one after the other.
        places.iter().filter(|place| self.strayed.remove(place)).count() > 0
    }

    /// What lies at a place.
    #[must_use]
    pub fn found(&self, place: &Target) -> TargetState {
        match (self.posted.get(place), self.troubles.get(place)) {
            (Some(listed), _) => TargetState::Ours(listed.seen.posted.clone()),
            (None, Some(PublishFailure::Conflict(Conflict::Foreign))) => TargetState::Foreign,
            (None, _) => TargetState::Nothing,
        }
    }

    /// What was seen at a place.
    #[must_use]
    pub fn seen(&self, place: &Target) -> Option<&ObservedBundle> {
        self.posted.get(place).map(|listed| &listed.seen)
    }

    /// The places where a bundle of this authority lies.
    pub fn places_of(&self, authority: &str) -> impl Iterator<Item = &Target> {
        let is_its = move |listed: &Listed| listed.seen.posted.authority.as_deref() == Some(authority);
        self.posted.iter().filter(move |(_, listed)| is_its(listed)).map(|(place, _)| place)
    }

    /// Something keeps this text from its place, or another one from leaving it. It is tried again with backoff.
    pub fn stuck(&mut self, place: &Target, trouble: PublishFailure, text: Digest, now: Millis) {
        self.note(place, trouble);
        self.retries.failed(digest(&place.to_string()), text.cast_signed(), now);
    }

    /// Something keeps a bundle from its place, until the ledger says otherwise.
    pub fn note(&mut self, place: &Target, trouble: PublishFailure) {
        if self.troubles.insert(place.clone(), trouble.clone()) != Some(trouble) {
            self.revision += 1;
        }
    }

    /// Until when this text waits for another try at a place, if that is still to come.
    #[must_use]
    pub fn held_back(&self, place: &Target, text: Digest, now: Millis) -> Option<Millis> {
        if self.troubles.contains_key(place) {
            return self.retries.until(digest(&place.to_string()), text.cast_signed(), now);
        }
        None
    }

    /// Nothing is known to stand in the way of a place any more.
    pub fn forgive(&mut self, place: &Target) {
        self.revision += 1;
        if self.troubles.remove(place).is_some() {
            self.retries.clear(digest(&place.to_string()));
        }
    }

    /// Only at these places a bundle is wanted. What was noted of others is forgotten, but for what keeps one from leaving.
    pub fn keep_to(&mut self, is_wanted: impl Fn(&Target) -> bool) {
        self.strayed.retain(|place| is_wanted(place));
        let posted = &self.posted;
        let is_settled =
            |place: &Target, _: &mut PublishFailure| !is_wanted(place) && !posted.contains_key(place);
        for (place, _) in self.troubles.extract_if(is_settled) {
            self.retries.clear(digest(&place.to_string()));
        }
    }

    /// Number of places of which something is noted: that another text was seen there, or what keeps a bundle from there.
    #[must_use]
    pub fn noted(&self) -> usize {
        self.strayed.len() + self.troubles.len()
    }

    /// What keeps a bundle from its place.
    #[must_use]
    pub fn trouble(&self, place: &Target) -> Option<&PublishFailure> {
        self.troubles.get(place)
    }

    /// Whether ClusterTrustBundles can be had.
    #[must_use]
    pub const fn access(&self) -> &Availability {
        &self.access
    }

    /// Whether they can be had is known now.
    pub fn set_access(&mut self, access: Availability) {
        self.access = access;
        self.revision += 1;
    }

    /// Counts every change of what is remembered.
    #[must_use]
    pub const fn revision(&self) -> u64 {
        self.revision
    }
}
