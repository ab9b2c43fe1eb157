//! Every request to the API server. A request has a timeout and is counted, and is never repeated here; a write is sent
//! only while this replica leads. Answers to writes of Secrets are metadata, so that no key travels without need; of a status
//! that was written only the version is read.

pub mod api_object;
pub mod connection;
pub mod merge_patch;
mod own_kinds;
mod page_head;
pub mod pages;
mod request;
pub mod scoped_pages;
pub mod throttle;
pub mod watch;
mod watch_events;
pub mod wiped_secret;
mod written;

use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::api::{DeleteParams, PartialObjectMeta, Patch, Preconditions};
use kube::core::Request;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use self::api_object::ApiObject;
use self::connection::{Connection, LARGE_OBJECT, MAX_ANSWER};
use self::pages::Pages;
use self::request::{ApiRequest, READ_TIMEOUT, conflict_is_stale, create, describe, optional, patch_params};
use self::throttle::Throttle;
use self::wiped_secret::{WipedSecret, wipe};
use self::written::Written;
use super::error::Error;
use super::metrics::Metrics;
use crate::plan::authority::timing::MAX_WRITE_TIMEOUT;
use crate::runtime::leader::Leadership;

/// Timeout of a write, whatever the authority's propagation: W of the rotation protocol is at most this.
pub const WRITE_TIMEOUT: Duration = MAX_WRITE_TIMEOUT;
/// Requests that one reconcile makes at the same time, where it needs many.
pub const AT_ONCE: usize = 8;

/// The API server, as this operator uses it.
#[derive(Clone)]
pub struct ApiClient {
    connection: Connection,
    leadership: Leadership,
    metrics: Metrics,
}

impl ApiClient {
    /// Requests by this connection; writes only while this leadership lasts.
    #[must_use]
    pub fn new(connection: impl Into<Connection>, leadership: Leadership, metrics: Metrics) -> Self {
        Self { connection: connection.into(), leadership, metrics }
    }

    /// The pauses that the API server asks for.
    #[must_use]
    pub const fn throttle(&self) -> &Throttle {
        self.connection.throttle()
    }

    /// Reads one object; `None` where there is none.
    ///
    /// # Errors
    /// [`Error`] where the API server does not answer, or with an error.
    pub async fn get<K>(&self, namespace: Option<&str>, name: &str) -> Result<Option<K>, Error>
    where
        K: Resource<DynamicType = ()> + DeserializeOwned,
    {
        let what = describe::<K>(namespace, name);
        let request = Request::new(K::url_path(&(), namespace)).get(name, &kube::api::GetParams::default());
        let call = ApiRequest::new("get", what, request, READ_TIMEOUT)?;
        optional(self.send(call).await)
    }

    /// The resources of a group and version; `None` where the API server does not serve it.
    ///
    /// # Errors
    /// [`Error`] where the API server does not answer, or with an error.
    pub async fn served<T: DeserializeOwned>(&self, group_version: &str) -> Result<Option<T>, Error> {
        let what = format!("the kinds of {group_version}");
        let request = http::Request::get(format!("/apis/{group_version}")).body(Vec::new());
        let request = request.map_err(kube::core::request::Error::BuildRequest);
        optional(self.send(ApiRequest::new("get", what, request, READ_TIMEOUT)?).await)
    }

    /// Reads one Secret with its content, which is wiped when it is dropped; `None` where there is none.
    ///
    /// # Errors
    /// [`Error`] where the API server does not answer, or with an error.
    pub(super) async fn secret(&self, namespace: &str, name: &str) -> Result<Option<WipedSecret>, Error> {
        let what = describe::<Secret>(Some(namespace), name);
        let url = Secret::url_path(&(), Some(namespace));
        let request = Request::new(url).get(name, &kube::api::GetParams::default());
        optional(self.send(ApiRequest::new("get", what, request, READ_TIMEOUT)?).await)
    }

    /// Reads the metadata of one Secret; `None` where there is none.
    ///
    /// # Errors
    /// [`Error`] where the API server does not answer, or with an error.
    pub async fn secret_metadata(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<PartialObjectMeta<Secret>>, Error> {
        let what = describe::<Secret>(Some(namespace), name);
        let url = Secret::url_path(&(), Some(namespace));
        let request = Request::new(url).get_metadata(name, &kube::api::GetParams::default());
        let call = ApiRequest::new("get", what, request, READ_TIMEOUT)?;
        optional(self.send(call).await)
    }

    /// Lists objects with these labels, page by page, as they are now: the list names no resource version.
    #[must_use]
    pub fn list<T: ApiObject>(&self, namespace: Option<&str>, labels: &str) -> Pages<T> {
        Pages::new(&self.connection, namespace, Some(labels)).counted(&self.metrics)
    }

    /// The same, whatever labels they have.
    #[must_use]
    pub fn list_all<T: ApiObject>(&self, namespace: Option<&str>) -> Pages<T> {
        Pages::new(&self.connection, namespace, None).counted(&self.metrics)
    }

    /// Creates a Secret, if there is none of its name.
    ///
    /// # Errors
    /// [`Error::Stale`] where there is one.
    pub async fn create_secret(&self, secret: &Secret, within: Duration) -> Result<ObjectMeta, Error> {
        let call = create(secret, secret.metadata.namespace.as_deref(), within)?;
        self.write::<Written>(call.answered_by_metadata()).await.map(Into::into)
    }

    /// Patches a Secret; the patch names the version that was observed.
    ///
    /// # Errors
    /// [`Error::Stale`] where the Secret has another version, or is gone.
    pub async fn patch_secret(
        &self,
        namespace: &str,
        name: &str,
        patch: Value,
        within: Duration,
    ) -> Result<ObjectMeta, Error> {
        let what = describe::<Secret>(Some(namespace), name);
        let url = Secret::url_path(&(), Some(namespace));
        let mut patch = Patch::Merge(patch);
        let request = Request::new(url).patch_metadata(name, &patch_params(), &patch);
        if let Patch::Merge(patch) = &mut patch {
            wipe(patch);
        }
        self.write::<Written>(ApiRequest::new("patch", what, request, within)?).await.map(Into::into)
    }

    /// Creates an object, if there is none of its name.
    ///
    /// # Errors
    /// [`Error::Stale`] where there is one, or its namespace is gone.
    pub async fn create<K>(&self, object: &K, within: Duration) -> Result<K, Error>
    where
        K: Resource<DynamicType = ()> + Serialize + DeserializeOwned,
    {
        self.write(create(object, object.meta().namespace.as_deref(), within)?).await
    }

    /// Patches an object; the patch names the version that was observed.
    ///
    /// # Errors
    /// [`Error::Stale`] where it has another version, or is gone.
    pub async fn patch<K>(
        &self,
        namespace: Option<&str>,
        name: &str,
        patch: Value,
        within: Duration,
    ) -> Result<K, Error>
    where
        K: Resource<DynamicType = ()> + DeserializeOwned,
    {
        let what = describe::<K>(namespace, name);
        let request = Request::new(K::url_path(&(), namespace));
        let request = request.patch(name, &patch_params(), &Patch::Merge(patch));
        self.write(ApiRequest::new("patch", what, request, within)?).await
    }

    /// Deletes an object of this uid and version.
    ///
    /// # Errors
    /// [`Error::Stale`] where it is another one, or gone.
    pub async fn delete<K>(
        &self,
        namespace: Option<&str>,
        name: &str,
        is: Preconditions,
        within: Duration,
    ) -> Result<(), Error>
    where
        K: Resource<DynamicType = ()>,
    {
        let what = describe::<K>(namespace, name);
        let params = DeleteParams { preconditions: Some(is), ..DeleteParams::default() };
        let request = Request::new(K::url_path(&(), namespace)).delete(name, &params);
        self.write::<Value>(ApiRequest::new("delete", what, request, within)?).await.map(drop)
    }

    /// Creates an Event.
    ///
    /// # Errors
    /// [`Error`] where the API server does not answer, or with an error.
    pub async fn create_event(&self, event: &Event) -> Result<(), Error> {
        let call = create(event, event.metadata.namespace.as_deref(), WRITE_TIMEOUT)?;
        self.write::<Event>(call).await.map(drop)
    }

    async fn write<T: DeserializeOwned>(&self, call: ApiRequest) -> Result<T, Error> {
        if !self.leadership.is_leader() {
            return Err(Error::NotLeader { what: format!("{} {}", call.verb, call.what) });
        }
        let what = call.what.clone();
        self.send(call).await.map_err(|error| conflict_is_stale(error, what))
    }

    async fn send<T: DeserializeOwned>(&self, call: ApiRequest) -> Result<T, Error> {
        let (verb, what) = (call.verb, call.what.clone());
        let answer = call.answer(&self.connection, LARGE_OBJECT).await;
        // The text of an answer that cannot be parsed is told to no log: it may be that of a Secret.
        let result = answer.and_then(|answer| {
            if !answer.is_whole {
                return Err(Error::TooLarge { what: format!("{verb} {what}"), limit: MAX_ANSWER });
            }
            serde_json::from_slice(&answer.body).map_err(|error| Error::unreadable(verb, &what, &error))
        });
        self.metrics.requested(verb, result.is_ok());
        result
    }
}
