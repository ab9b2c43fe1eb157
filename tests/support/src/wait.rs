//! Waiting for what is to happen: for a condition, never for a time, and never without end.
//!
//! Where it does not happen, the message says what was waited for, how long, and what was seen last.

use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::BoxStream;
use kube::Resource;
use kube::api::Api;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, watch_object, watcher};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Failure;

/// Longest that anything on a busy machine may take in a test.
const PATIENCE: Duration = Duration::from_mins(3);
/// Between two questions, and before a watch that was interrupted goes on.
const PAUSE: Duration = Duration::from_millis(50);

/// Watches one object until it is as wanted; what fails fails the test.
pub async fn wait<K, T>(api: Api<K>, name: &str, what: &str, wanted: impl Fn(Option<&K>) -> Option<T>) -> T
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Serialize + Send + 'static,
{
    let found = for_object(PATIENCE, api, name, what, wanted).await;
    found.unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Asks until there is an answer; what fails fails the test.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    let answer = for_answer(PATIENCE, PAUSE, what, || {
        let answer = ask();
        async { Ok(answer.await) }
    });
    answer.await.unwrap_or_else(|error| panic!("{error}"))
}

/// Watches one object until it is as wanted.
pub async fn for_object<K, T>(
    limit: Duration,
    api: Api<K>,
    name: &str,
    what: &str,
    wanted: impl Fn(Option<&K>) -> Option<T>,
) -> Result<T, Failure>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Serialize + Send + 'static,
{
    let mut last = None;
    let seen = watched(what, watch_object(api, name).boxed(), |object: Option<K>| {
        let found = wanted(object.as_ref());
        last = object;
        found
    });
    let found = within(limit, what, seen).await;
    found.map_err(|error| format!("{error}; last seen: {}", shown(last.as_ref())).into())
}

/// Watches all objects, one after the other, until one of them is the answer.
pub async fn for_any_object<K, T>(
    limit: Duration,
    api: Api<K>,
    what: &str,
    mut wanted: impl FnMut(K) -> Option<T>,
) -> Result<T, Failure>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Serialize + Send + 'static,
{
    let mut last = None;
    let seen = watcher(api, watcher::Config::default()).applied_objects().boxed();
    let seen = watched(what, seen, |object: K| {
        last = Some(object.clone());
        wanted(object)
    });
    let found = within(limit, what, seen).await;
    found.map_err(|error| format!("{error}; last seen: {}", shown(last.as_ref())).into())
}

/// Follows a watch until there is an answer; one that was interrupted goes on.
async fn watched<T, A>(
    what: &str,
    mut seen: BoxStream<'_, watcher::Result<T>>,
    mut answer: impl FnMut(T) -> Option<A>,
) -> Result<A, Failure> {
    loop {
        match seen.next().await {
            Some(Ok(object)) => {
                if let Some(found) = answer(object) {
                    return Ok(found);
                }
            }
            Some(Err(watcher::Error::NoResourceVersion)) | None => {
                return Err(format!("the watch for {what} ended").into());
            }
            Some(Err(_)) => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// Asks until there is an answer, and rests in between.
pub async fn for_answer<T, F>(
    limit: Duration,
    pause: Duration,
    what: &str,
    mut ask: impl FnMut() -> F,
) -> Result<T, Failure>
where
    F: Future<Output = Result<Option<T>, Failure>>,
{
    let asked = Box::pin(async {
        loop {
            if let Some(answer) = ask().await? {
                return Ok(answer);
            }
            tokio::time::sleep(pause).await;
        }
    });
    within(limit, what, asked).await
}

/// Lets something take this long at most.
pub async fn within<T>(
    limit: Duration,
    what: &str,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let done = tokio::time::timeout(limit, work).await;
    done.map_err(|_| format!("waited {} s in vain for {what}", limit.as_secs()))?
}

/// What was seen last, without anything that may hold a key.
fn shown<K: Resource + Serialize>(object: Option<&K>) -> String {
    let Some(object) = object else { return "nothing".into() };
    let mut shown = serde_json::to_value(object).unwrap_or_default();
    shown.as_object_mut().map(|object| object.remove("data"));
    shown["metadata"].as_object_mut().map(|metadata| metadata.remove("managedFields"));
    serde_json::to_string_pretty(&shown).unwrap_or_default()
}
