//! The watch loop: lists by pages, follows bookmarks, and lists again after a lost history, as kube's watcher does.
//! An event that was lost without a trace is made up for: every watch lists again at a long jittered interval, and after
//! repeated errors. Pauses after errors grow, across new lists too, until an event arrives: an API server in trouble is
//! not asked for lists all the time.

use std::fmt::Debug;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::BoxStream;
use kube::api::Api;
use kube::runtime::utils::Backoff as _;
use kube::runtime::watcher as watch;
use kube::runtime::watcher::{self, DefaultBackoff, Event};
use kube::{Client, Resource};
use serde::de::DeserializeOwned;

use crate::operator::index::digest::digest;
use crate::runtime::clock::Clock;
use crate::runtime::error_chain::cause;
use crate::runtime::readiness::ReadinessHandle;

/// A watch lists again after this long, and up to half as long again. One list of 100,000 objects costs the API server
/// seconds of CPU, and client-go does without: this is for events that were lost without a trace only.
const RELIST_AFTER: Duration = Duration::from_mins(45);
/// Errors in a row after which a watch starts over with a list. kube's watcher repeats a watch that is answered
/// with the HTTP status 410 for ever.
const ERRORS_BEFORE_RELIST: u32 = 4;
/// Longest pause after an error, kube's own.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Objects per page of a list.
const PAGE: u32 = 500;

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
    api: Api<K>,
    labels: Option<String>,
    name: String,
}

impl<K> Watch<K>
where
    K: Resource<DynamicType = ()>,
{
    /// All objects of a kind.
    #[must_use]
    pub fn all(client: &Client) -> Self {
        Self { api: Api::all(client.clone()), labels: None, name: K::plural(&()).into_owned() }
    }

    /// The objects of a kind in one namespace, or in all.
    #[must_use]
    pub fn within(client: &Client, namespace: Option<&str>) -> Self
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope>,
    {
        let Some(namespace) = namespace else { return Self::all(client) };
        let name = format!("{} in {namespace}", K::plural(&()));
        Self { api: Api::namespaced(client.clone(), namespace), labels: None, name }
    }

    /// Those of them with these labels.
    #[must_use]
    pub fn labelled(self, labels: String) -> Self {
        Self { labels: Some(labels), ..self }
    }
}

impl<K> Watch<K>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
{
    fn stream(&self) -> BoxStream<'static, watcher::Result<Event<K>>> {
        let config = watcher::Config { label_selector: self.labels.clone(), ..watcher::Config::default() };
        watch(self.api.clone(), config.page_size(PAGE)).boxed()
    }

    /// Watches without end. The handle is dropped when the first list is complete.
    pub async fn run(self, clock: Clock, mut handler: impl EventHandler<K>, ready: ReadinessHandle) {
        let mut ready = Some(ready);
        let mut round: u64 = 0;
        let mut pauses = DefaultBackoff::default();
        loop {
            let mut stream = self.stream();
            let again = clock.sleep(jittered(&self.name, round));
            tokio::pin!(again);
            round = round.wrapping_add(1);
            let mut errors = 0;
            while errors < ERRORS_BEFORE_RELIST {
                let event = tokio::select! {
                    event = stream.next() => event,
                    () = &mut again => break,
                };
                match event {
                    Some(Ok(event)) => {
                        errors = 0;
                        if matches!(event, Event::Apply(_) | Event::Delete(_)) {
                            pauses.reset();
                        }
                        if dispatch(&mut handler, event) {
                            drop(ready.take());
                        }
                    }
                    Some(Err(error)) => {
                        errors += 1;
                        tracing::warn!(watch = self.name, error = cause(&error), "a watch was interrupted");
                        tokio::time::sleep(pauses.next().unwrap_or(LONGEST_PAUSE)).await;
                    }
                    None => break,
                }
            }
        }
    }
}

/// Hands an event over; true if a list is complete.
fn dispatch<K>(handler: &mut impl EventHandler<K>, event: Event<K>) -> bool {
    match event {
        Event::Init => handler.init(),
        Event::InitApply(object) => handler.apply(object, true),
        Event::Apply(object) => handler.apply(object, false),
        Event::Delete(object) => handler.delete(object),
        Event::InitDone => {
            handler.init_done();
            return true;
        }
    }
    false
}

/// Watches that start together do not list together.
fn jittered(name: &str, round: u64) -> Duration {
    let spread = u32::try_from(digest(&format!("{name}/{round}")) % 1000).unwrap_or(0);
    RELIST_AFTER + RELIST_AFTER / 2 * spread / 1000
}
