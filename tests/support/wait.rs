//! What a test sees of objects, and how it waits until they are as they should be: by watches, never by sleeping.

use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Secret;
use kube::Resource;
use kube::api::Api;
use kube::runtime::watcher::{self, watch_object};
use mtls_operator::api::MtlsIdentity;
use mtls_operator::api::conditions::find;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Longest that anything on a busy machine may take.
const PATIENCE: Duration = Duration::from_mins(3);

/// Status, reason and message of an identity's `Ready` condition.
pub fn ready_of(identity: &MtlsIdentity) -> (String, String, String) {
    let conditions = identity.status.as_ref().map_or(&[][..], |status| &status.conditions);
    find(conditions, "Ready")
        .map_or_else(Default::default, |c| (c.status.clone(), c.reason.clone(), c.message.clone()))
}

/// Whether an identity is `Stalled`.
pub fn is_stalled(identity: &MtlsIdentity) -> bool {
    let conditions = identity.status.as_ref().map_or(&[][..], |status| &status.conditions);
    find(conditions, "Stalled").is_some_and(|condition| condition.status == "True")
}

/// One value of a Secret.
pub fn value(secret: &Secret, key: &str) -> Vec<u8> {
    secret.data.as_ref().and_then(|data| data.get(key)).map(|value| value.0.clone()).unwrap_or_default()
}

/// One annotation of an object.
pub fn note<K: Resource>(object: &K, key: &str) -> Option<String> {
    object.meta().annotations.as_ref()?.get(&format!("mtls-operator.dev/{key}")).cloned()
}

/// Watches one object until it is as wanted. On the way it remembers what it saw, for the message of a test that fails.
pub async fn wait<K, T>(api: Api<K>, name: &str, what: &str, wanted: impl Fn(Option<&K>) -> Option<T>) -> T
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Serialize + Send + 'static,
{
    let mut last = None;
    let watched = async {
        let mut stream = watch_object(api, name).boxed();
        loop {
            match stream.next().await {
                Some(Ok(object)) => {
                    if let Some(found) = wanted(object.as_ref()) {
                        return found;
                    }
                    last = object;
                }
                Some(Err(watcher::Error::NoResourceVersion)) | None => panic!("the watch for {what} ended"),
                Some(Err(_)) => tokio::task::yield_now().await,
            }
        }
    };
    let found = tokio::time::timeout(PATIENCE, watched).await;
    found
        .unwrap_or_else(|_| panic!("waited in vain for {what} ({name}); last seen: {}", shown(last.as_ref())))
}

/// What was seen last, without anything that may hold a key.
fn shown<K: Resource + Serialize>(object: Option<&K>) -> String {
    let Some(object) = object else { return "nothing".into() };
    let mut shown = serde_json::to_value(object).unwrap_or_default();
    shown.as_object_mut().map(|object| object.remove("data"));
    shown["metadata"].as_object_mut().map(|metadata| metadata.remove("managedFields"));
    serde_json::to_string_pretty(&shown).unwrap_or_default()
}

/// Asks until there is an answer.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    let asked = async {
        let mut pause = tokio::time::interval(Duration::from_millis(50));
        loop {
            pause.tick().await;
            if let Some(answer) = ask().await {
                return answer;
            }
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}
