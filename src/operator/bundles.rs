//! Every published trust bundle, compactly: what the watches see of it, and what keeps it from its place. Of its text 64
//! bits are remembered, so that an edit by hand shows in its own event, and nothing has to be read.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{Notify, watch};

use super::entry::{Digest, digest, version_number};
use super::retry::Retries;
use super::schedule::Millis;
use crate::plan::bundle::{Conflict, Found, Place, Posted};

/// A bundle that was seen, and what a write must name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What decisions need of it.
    pub posted: Posted,
    /// Uid of the object.
    pub uid: String,
    /// Version of the object.
    pub version: String,
}

/// What keeps a bundle from its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Somebody is in the way.
    Conflict(Conflict),
    /// It could not be written: a sentence.
    Failed(String),
}

/// Which places a list covers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Range {
    /// ConfigMaps in one namespace, or in all.
    ConfigMaps(Option<String>),
    /// ClusterTrustBundles.
    Cluster,
}

impl Range {
    fn covers(&self, place: &Place) -> bool {
        match (self, place) {
            (Self::ConfigMaps(scope), Place::ConfigMap { namespace, .. }) => {
                scope.as_deref().is_none_or(|scope| scope == &**namespace)
            }
            (Self::Cluster, Place::Cluster { .. }) => true,
            _ => false,
        }
    }
}

/// Whether ClusterTrustBundles can be had.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Access {
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
    seen: Seen,
    list: u64,
}

/// What is known of them. Pure: it is told what the watches see.
#[derive(Debug, Default)]
pub struct Ledger {
    posted: HashMap<Place, Listed>,
    troubles: HashMap<Place, Trouble>,
    retries: Retries<Digest>,
    /// The text in force of each authority, by its name.
    in_force: HashMap<Digest, Digest>,
    /// Places where another text was seen since somebody last asked.
    strayed: HashSet<Place>,
    list: u64,
    /// What was listed to its end.
    listed: HashSet<Range>,
    access: Access,
    revision: u64,
}

impl Ledger {
    /// A list begins: what it does not name, and nothing else does meanwhile, is gone.
    pub fn begin_list(&mut self) -> u64 {
        self.list += 1;
        self.list
    }

    /// A list ended.
    pub fn end_list(&mut self, range: Range, list: u64) {
        let is_stale = |(place, listed): (&Place, &Listed)| {
            (range.covers(place) && listed.list < list).then(|| place.clone())
        };
        let stale: Vec<Place> = self.posted.iter().filter_map(is_stale).collect();
        for place in &stale {
            self.lost(place);
        }
        self.listed.insert(range);
        self.revision += 1;
    }

    /// Whether a list has ended that would have named what lies at a place.
    #[must_use]
    pub fn is_listed(&self, place: &Place) -> bool {
        self.listed.iter().any(|range| range.covers(place))
    }

    /// A bundle of ours was seen, by a watch or in the answer to a write.
    pub fn saw(&mut self, place: &Place, seen: Seen, is_from_list: bool) {
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
        self.note_stray(place);
    }

    /// A bundle was seen to be gone, or to be ours no more.
    pub fn lost(&mut self, place: &Place) {
        self.note_stray(place);
        self.posted.remove(place);
        self.forgive(place);
    }

    /// A rotation must know of a text that was not in force, also if it is gone when somebody looks.
    fn note_stray(&mut self, place: &Place) {
        let Some(Listed { seen, .. }) = self.posted.get(place) else { return };
        let owner = seen.posted.authority.as_ref().and_then(|name| self.in_force.get(&digest(name)));
        if owner.is_none_or(|text| seen.posted.text != Some(*text)) && !self.in_force.is_empty() {
            self.strayed.insert(place.clone());
        }
    }

    /// This text is in force from now on.
    pub fn put_in_force(&mut self, authority: &str, text: Digest) {
        if self.in_force.insert(digest(authority), text) != Some(text) {
            self.revision += 1;
        }
    }

    /// Whether another text than the one in force was seen at one of these places since the last call.
    pub fn take_strayed(&mut self, places: &[Place]) -> bool {
        // All of them are taken, one after the other.
        places.iter().filter(|place| self.strayed.remove(place)).count() > 0
    }

    /// What lies at a place.
    #[must_use]
    pub fn found(&self, place: &Place) -> Found {
        match (self.posted.get(place), self.troubles.get(place)) {
            (Some(listed), _) => Found::Ours(listed.seen.posted.clone()),
            (None, Some(Trouble::Conflict(Conflict::Foreign))) => Found::Foreign,
            (None, _) => Found::Nothing,
        }
    }

    /// What was seen at a place.
    #[must_use]
    pub fn seen(&self, place: &Place) -> Option<&Seen> {
        self.posted.get(place).map(|listed| &listed.seen)
    }

    /// The places where a bundle of this authority lies.
    pub fn places_of(&self, authority: &str) -> impl Iterator<Item = &Place> {
        let is_its = move |listed: &Listed| listed.seen.posted.authority.as_deref() == Some(authority);
        self.posted.iter().filter(move |(_, listed)| is_its(listed)).map(|(place, _)| place)
    }

    /// Something keeps this text from its place, or another one from leaving it. It is tried again with backoff.
    pub fn stuck(&mut self, place: &Place, trouble: Trouble, text: Digest, now: Millis) {
        self.note(place, trouble);
        self.retries.failed(digest(&place.to_string()), text.cast_signed(), now);
    }

    /// Something keeps a bundle from its place, until the ledger says otherwise.
    pub fn note(&mut self, place: &Place, trouble: Trouble) {
        if self.troubles.insert(place.clone(), trouble.clone()) != Some(trouble) {
            self.revision += 1;
        }
    }

    /// Until when this text waits for another try at a place, if that is still to come.
    #[must_use]
    pub fn held_back(&self, place: &Place, text: Digest, now: Millis) -> Option<Millis> {
        if self.troubles.contains_key(place) {
            return self.retries.until(digest(&place.to_string()), text.cast_signed(), now);
        }
        None
    }

    /// Nothing is known to stand in the way of a place any more.
    pub fn forgive(&mut self, place: &Place) {
        self.revision += 1;
        if self.troubles.remove(place).is_some() {
            self.retries.clear(digest(&place.to_string()));
        }
    }

    /// What keeps a bundle from its place.
    #[must_use]
    pub fn trouble(&self, place: &Place) -> Option<&Trouble> {
        self.troubles.get(place)
    }

    /// Whether ClusterTrustBundles can be had.
    #[must_use]
    pub const fn access(&self) -> &Access {
        &self.access
    }

    /// Whether they can be had is known now.
    pub fn set_access(&mut self, access: Access) {
        self.access = access;
        self.revision += 1;
    }

    /// Counts every change of what is remembered.
    #[must_use]
    pub const fn revision(&self) -> u64 {
        self.revision
    }
}

/// The ledger, and a bell that rings when something has changed.
#[derive(Clone, Default)]
pub struct Bundles {
    ledger: Arc<Mutex<Ledger>>,
    changed: Arc<Notify>,
    /// Whether somebody asks for a ClusterTrustBundle.
    asked: watch::Sender<bool>,
}

impl Bundles {
    /// The ledger, to read. Never held across an await.
    pub fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock()
    }

    /// Changes the ledger and rings the bell.
    pub fn change<T>(&self, change: impl FnOnce(&mut Ledger) -> T) -> T {
        let result = change(&mut self.ledger.lock());
        self.ring();
        result
    }

    /// Something changed that publication depends on.
    pub fn ring(&self) {
        self.changed.notify_one();
    }

    /// Waits until the bell has rung since the last call.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Says whether somebody asks for a ClusterTrustBundle.
    pub fn ask_for_cluster(&self, is_asked: bool) {
        self.asked.send_if_modified(|asked| std::mem::replace(asked, is_asked) != is_asked);
    }

    /// Waits until somebody does.
    pub async fn until_cluster_is_asked(&self) {
        // The sender lives as long as this does.
        let _ = self.asked.subscribe().wait_for(|asked| *asked).await;
    }
}
