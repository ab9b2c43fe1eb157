//! What has changed since a version, for those who watch.
//!
//! Kept only where a test asks for it: most tests deliver events themselves.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::watch;

use super::ApiServer;
use super::store::State;
use super::target::Place;

/// A change of an object.
#[derive(Clone, Debug)]
pub struct Change {
    /// The version since which it holds.
    pub version: u64,
    /// `ADDED`, `MODIFIED` or `DELETED`.
    pub what: &'static str,
    /// The collection.
    pub kind: String,
    /// The object, or what it was.
    pub object: Arc<Value>,
}

/// The changes in their order, and who is told of new ones.
#[derive(Default)]
pub(super) struct ChangeLog {
    changes: Option<Vec<Change>>,
    told: watch::Sender<u64>,
}

impl ChangeLog {
    /// Notes a change of an object at this place.
    pub(super) fn note(&mut self, version: u64, what: &'static str, place: &Place, object: &Value) {
        if let Some(changes) = &mut self.changes {
            changes.push(Change { version, what, kind: place.0.clone(), object: Arc::new(object.clone()) });
            self.told.send_replace(version);
        }
    }
}

impl State {
    /// Removes an object. That is a change with a version of its own.
    pub(super) fn remove(&mut self, place: &Place) -> Option<Value> {
        let mut object = self.objects.remove(place)?;
        self.versions += 1;
        object["metadata"]["resourceVersion"] = self.versions.to_string().into();
        self.changes.note(self.versions, "DELETED", place, &object);
        Some(object)
    }
}

impl ApiServer {
    /// From now on changes are kept.
    pub fn keep_changes(&self) {
        self.0.lock().changes.changes.get_or_insert_default();
    }

    /// Is told of each further change.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.0.lock().changes.told.subscribe()
    }

    /// The changes after this version.
    pub fn changes_after(&self, version: u64) -> Vec<Change> {
        let state = self.0.lock();
        let changes = state.changes.changes.as_deref().unwrap_or_default();
        changes[changes.partition_point(|change| change.version <= version)..].to_vec()
    }

    /// The version of the last change.
    pub fn version(&self) -> u64 {
        self.0.lock().versions
    }

    /// Puts objects into the store that exist already, as far as anyone who watches knows: with the versions that they have.
    pub fn restore(&self, kind: &str, object: Value) {
        let text = |field: &str| super::response::text(&object, field);
        let place = (kind.to_owned(), text("namespace"), text("name"));
        self.0.lock().objects.insert(place, object);
    }
}
