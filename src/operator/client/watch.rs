//! The watch loop: lists by pages, follows changes and bookmarks, and lists again after a lost history.
//! An event that was lost without a trace is made up for: every watch lists again at a long jittered interval, and after
//! repeated errors. Pauses after errors grow, across new lists too, until an event arrives: an API server in trouble is
//! not asked for lists all the time.

use std::marker::PhantomData;
use std::time::Duration;

use kube::runtime::utils::Backoff as _;
use kube::runtime::watcher::DefaultBackoff;

use super::api_object::ApiObject;
use super::connection::Connection;
use super::pages::Pages;
use super::watch_events::{Change, Changes, WatchError};
use crate::operator::index::digest::hash_of;
use crate::operator::metrics::watches::{ResourceWatch, WatchMetrics};
use crate::runtime::clock::Clock;
use crate::runtime::error_chain::cause;
use crate::runtime::readiness::ReadinessHandle;

/// A watch lists again after this long, and up to half as long again. One list of 100,000 objects costs the API server
/// seconds of CPU, and client-go does without: this is for events that were lost without a trace only.
const RELIST_AFTER: Duration = Duration::from_mins(45);
/// Errors in a row after which a watch starts over with a list. A watch that is answered with the HTTP status 410 is one.
const ERRORS_BEFORE_RELIST: u32 = 4;
/// Longest pause after an error, kube's own.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What is done with the events of a watch. The methods have the names of `kube::runtime::watcher::Event`.
pub trait EventHandler<K>: Send {
    /// A list begins.
    fn init(&mut self);
    /// An object exists, in a list or with a change.
    fn apply(&mut self, object: K, is_from_list: bool);
    /// An object was deleted.
    fn delete(&mut self, object: K);
    /// A list is complete: an object that it does not name does not exist.
    fn init_done(&mut self);
}

/// What to watch.
#[derive(Clone)]
pub struct Watch<K> {
    connection: Connection,
    namespace: Option<String>,
    labels: Option<String>,
    name: String,
    metrics: WatchMetrics,
    kind: PhantomData<fn() -> K>,
}

/// How far a watch has come, and what has gone wrong on the way.
struct Progress {
    /// The version to go on from; none before the first list is complete.
    version: Option<String>,
    /// Errors since the last event.
    errors: u32,
    pauses: DefaultBackoff,
    clock: Clock,
    metrics: ResourceWatch,
}

impl<K: ApiObject> Watch<K> {
    /// All objects of a kind.
    #[must_use]
    pub fn all(connection: impl Into<Connection>) -> Self {
        Self::within(connection, None)
    }

    /// The objects of a kind in one namespace, or in all.
    #[must_use]
    pub fn within(connection: impl Into<Connection>, namespace: Option<&str>) -> Self {
        let name = match namespace {
            Some(namespace) => format!("{} in {namespace}", K::plural()),
            None => K::plural().into_owned(),
        };
        let namespace = namespace.map(str::to_owned);
        let (connection, metrics) = (connection.into(), WatchMetrics::default());
        Self { connection, namespace, labels: None, name, metrics, kind: PhantomData }
    }

    /// Those of them with these labels.
    #[must_use]
    pub fn labelled(self, labels: String) -> Self {
        Self { labels: Some(labels), ..self }
    }

    /// The same, with metrics.
    #[must_use]
    pub fn counted(self, metrics: &WatchMetrics) -> Self {
        Self { metrics: metrics.clone(), ..self }
    }

    /// Watches without end. The handle is dropped when the first list is complete.
    pub async fn run(self, clock: Clock, mut handler: impl EventHandler<K>, ready: ReadinessHandle) {
        let mut ready = Some(ready);
        let mut progress = Progress::new(clock.clone(), self.metrics.of(&K::plural()));
        let mut round: u64 = 0;
        loop {
            let again = clock.sleep(jittered(&self.name, round));
            round = round.wrapping_add(1);
            (progress.version, progress.errors) = (None, 0);
            tokio::select! {
                () = self.follow(&mut progress, &mut handler, &mut ready) => {}
                () = again => {}
            }
        }
    }

    /// Lists, and follows the changes, until too many errors come one after the other.
    async fn follow(
        &self,
        progress: &mut Progress,
        handler: &mut impl EventHandler<K>,
        ready: &mut Option<ReadinessHandle>,
    ) {
        while progress.errors < ERRORS_BEFORE_RELIST {
            let step = match progress.version.clone() {
                Some(version) => self.changes(version, progress, handler).await,
                None => self.list(handler).await.map(|version| {
                    drop(ready.take());
                    progress.heard();
                    (progress.version, progress.errors) = (Some(version), 0);
                }),
            };
            if let Err(error) = step {
                self.failed(progress, &error).await;
            }
        }
    }

    /// Hands over what exists. Returns the version of which the list is.
    async fn list(&self, handler: &mut impl EventHandler<K>) -> Result<String, WatchError> {
        handler.init();
        let mut pages = Pages::<K>::new(&self.connection, self.namespace.as_deref(), self.labels.as_deref());
        let mut version = None;
        while let Some(page) = pages.next().await? {
            version = page.version.or(version);
            page.items.into_iter().for_each(|object| handler.apply(object, true));
        }
        handler.init_done();
        Ok(version.unwrap_or_default())
    }

    /// Hands over what changes from this version on, until the answer ends.
    async fn changes(
        &self,
        version: String,
        progress: &mut Progress,
        handler: &mut impl EventHandler<K>,
    ) -> Result<(), WatchError> {
        let (namespace, labels) = (self.namespace.as_deref(), self.labels.as_deref());
        let mut changes = Changes::<K>::open(&self.connection, namespace, labels, &version).await?;
        while progress.errors < ERRORS_BEFORE_RELIST {
            match changes.next().await {
                Ok(Some(change)) => hand_over(change, progress, handler),
                Ok(None) => return Ok(()),
                Err(error) if error.is_lost() => {
                    progress.version = None;
                    return Err(error);
                }
                Err(error) if error.ends_the_answer() => return Err(error),
                Err(error) => self.failed(progress, &error).await,
            }
        }
        Ok(())
    }

    async fn failed(&self, progress: &mut Progress, error: &WatchError) {
        progress.errors += 1;
        progress.metrics.interrupted(error.interruption());
        tracing::warn!(watch = self.name, error = cause(error), "a watch was interrupted");
        let pause = progress.pauses.next().unwrap_or(LONGEST_PAUSE);
        tokio::time::sleep(pause.max(error.pause().unwrap_or_default())).await;
    }
}

fn hand_over<K: ApiObject>(change: Change<K>, progress: &mut Progress, handler: &mut impl EventHandler<K>) {
    progress.heard();
    match change {
        Change::Bookmark(version) => progress.version = Some(version),
        Change::Apply(object) => {
            progress.moved_to(object.version());
            handler.apply(object, false);
        }
        Change::Delete(object) => {
            progress.moved_to(object.version());
            handler.delete(object);
        }
    }
}

impl Progress {
    fn new(clock: Clock, metrics: ResourceWatch) -> Self {
        Self { version: None, errors: 0, pauses: DefaultBackoff::default(), clock, metrics }
    }

    /// The API server has told something.
    fn heard(&self) {
        self.metrics.told(self.clock.now().as_second());
    }

    /// An event has arrived.
    fn moved_to(&mut self, version: String) {
        (self.version, self.errors) = (Some(version), 0);
        self.pauses.reset();
    }
}

/// Watches that start together do not list together.
fn jittered(name: &str, round: u64) -> Duration {
    let spread = u32::try_from(hash_of(&format!("{name}/{round}")) % 1000).unwrap_or(0);
    RELIST_AFTER + RELIST_AFTER / 2 * spread / 1000
}
