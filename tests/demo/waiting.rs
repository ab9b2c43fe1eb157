//! Waiting for what is to happen: for a condition, never for a time.

use std::fmt::Debug;
use std::time::Duration;

use futures::StreamExt as _;
use kube::Resource;
use kube::api::Api;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, watch_object, watcher};
use serde::de::DeserializeOwned;

use crate::Failure;

/// Longest that anything here may take: a step of a rotation that is spread over a lifetime takes minutes.
const PATIENCE: Duration = Duration::from_mins(10);

/// Watches one object until there is an answer. A watch that is interrupted goes on.
pub async fn until<K, T>(api: Api<K>, name: &str, answer: impl Fn(&K) -> Option<T>) -> Result<T, Failure>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let what = format!("{} {name}", K::kind(&()));
    let mut seen = watch_object(api, name).default_backoff().boxed();
    let answered = async {
        while let Some(event) = seen.next().await {
            if let Some(found) = event.ok().flatten().and_then(|object| answer(&object)) {
                return Ok(found);
            }
        }
        Err(format!("the watch of {what} ended").into())
    };
    in_time(&what, answered).await
}

/// Watches all objects until there is an answer.
pub async fn seen_until<K, T>(
    api: Api<K>,
    what: &str,
    mut answer: impl FnMut(K) -> Option<T>,
) -> Result<T, Failure>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let mut seen = watcher(api, watcher::Config::default()).default_backoff().applied_objects().boxed();
    let answered = async {
        while let Some(event) = seen.next().await {
            if let Some(found) = event.ok().and_then(&mut answer) {
                return Ok(found);
            }
        }
        Err(format!("the watch of {what} ended").into())
    };
    in_time(what, answered).await
}

/// Fails where something takes longer than anything may take here.
pub async fn in_time<T>(what: &str, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let done = tokio::time::timeout(PATIENCE, work).await;
    done.map_err(|_| format!("waited in vain for {what}"))?
}
