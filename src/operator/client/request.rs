//! One request to the API server, in words for logs and errors, and as HTTP.

use std::time::Duration;

use http::header::{ACCEPT, HeaderValue};
use kube::Resource;
use kube::api::{PatchParams, PostParams};
use kube::core::Request;
use serde::Serialize;

use super::connection::{Answer, Connection};
use crate::api::names::FIELD_MANAGER;
use crate::operator::error::Error;

/// Timeout of a read.
pub(super) const READ_TIMEOUT: Duration = Duration::from_secs(30);

const AS_METADATA: HeaderValue =
    HeaderValue::from_static("application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1");

/// A request.
pub(super) struct ApiRequest {
    pub(super) verb: &'static str,
    pub(super) what: String,
    pub(super) request: http::Request<Vec<u8>>,
    pub(super) within: Duration,
}

impl ApiRequest {
    /// A request with this timeout.
    pub(super) fn new(
        verb: &'static str,
        what: String,
        request: Result<http::Request<Vec<u8>>, kube::core::request::Error>,
        within: Duration,
    ) -> Result<Self, Error> {
        match request {
            Ok(request) => Ok(Self { verb, what, request, within }),
            Err(source) => Err(Error::Api { what, source: Box::new(kube::Error::BuildRequest(source)) }),
        }
    }

    /// The same, answered by the metadata of the object instead of all of it.
    pub(super) fn answered_by_metadata(mut self) -> Self {
        self.request.headers_mut().insert(ACCEPT, AS_METADATA);
        self
    }

    /// Sends it, and reads the answer; one that is longer than `large` when no other such is read.
    pub(super) async fn answer(self, connection: &Connection, large: usize) -> Result<Answer, Error> {
        let Self { verb, what, request, within } = self;
        let what = format!("{verb} {what}");
        match tokio::time::timeout(within, Box::pin(connection.answer(request, large))).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(source)) => Err(Error::Api { what, source: Box::new(source) }),
            Err(_) => Err(Error::Timeout { what, within }),
        }
    }
}

/// The request that creates an object, if there is none of its name.
pub(super) fn create<K>(object: &K, namespace: Option<&str>, within: Duration) -> Result<ApiRequest, Error>
where
    K: Resource<DynamicType = ()> + Serialize,
{
    let what = describe::<K>(namespace, object.meta().name.as_deref().unwrap_or_default());
    let body =
        serde_json::to_vec(object).map_err(|source| Error::Serialise { what: what.clone(), source })?;
    let params = PostParams { field_manager: Some(FIELD_MANAGER.into()), ..PostParams::default() };
    let request = Request::new(K::url_path(&(), namespace)).create(&params, body);
    ApiRequest::new("create", what, request, within)
}

/// Parameters of a patch by this operator's field manager.
pub(super) fn patch_params() -> PatchParams {
    PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() }
}

/// An object as sentences name it: kind, namespace and name.
pub(super) fn describe<K: Resource<DynamicType = ()>>(namespace: Option<&str>, name: &str) -> String {
    match namespace {
        Some(namespace) => format!("{} {namespace}/{name}", K::kind(&())),
        None => format!("{} {name}", K::kind(&())),
    }
}

/// HTTP 404 as `None`.
pub(super) fn optional<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Err(Error::Api { source, .. }) if code(&source) == Some(404) => Ok(None),
        result => result.map(Some),
    }
}

/// HTTP 404 and 409 to a write as [`Error::Stale`]: a conflict, an object that exists although it should be created, that is
/// gone although it should be changed, or that has another uid, each shows that the observation is old.
pub(super) fn conflict_is_stale(error: Error, what: String) -> Error {
    match &error {
        Error::Api { source, .. } if matches!(code(source), Some(404 | 409)) => Error::Stale { what },
        _ => error,
    }
}

/// The HTTP status of an answer.
fn code(error: &kube::Error) -> Option<u16> {
    match error {
        kube::Error::Api(status) => Some(status.code),
        _ => None,
    }
}
