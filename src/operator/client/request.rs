//! One call to the API server: what it does, in words and as a request.

use std::time::Duration;

use kube::Resource;
use kube::api::{PatchParams, PostParams};
use kube::core::Request;
use serde::Serialize;

use crate::api::names::FIELD_MANAGER;
use crate::operator::error::Error;

/// A call.
pub(super) struct ApiRequest {
    pub(super) verb: &'static str,
    pub(super) what: String,
    pub(super) request: http::Request<Vec<u8>>,
    pub(super) within: Duration,
}

impl ApiRequest {
    /// A call that may take so long.
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
}

/// The call that creates an object, if there is none of its name.
pub(super) fn create<K>(object: &K, namespace: Option<&str>, within: Duration) -> Result<ApiRequest, Error>
where
    K: Resource<DynamicType = ()> + Serialize,
{
    let what = named::<K>(namespace, object.meta().name.as_deref().unwrap_or_default());
    let body =
        serde_json::to_vec(object).map_err(|source| Error::Serialise { what: what.clone(), source })?;
    let params = PostParams { field_manager: Some(FIELD_MANAGER.into()), ..PostParams::default() };
    let request = Request::new(K::url_path(&(), namespace)).create(&params, body);
    ApiRequest::new("create", what, request, within)
}

/// Patches are ours by name.
pub(super) fn patch_params() -> PatchParams {
    PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() }
}

/// An object as sentences name it.
pub(super) fn named<K: Resource<DynamicType = ()>>(namespace: Option<&str>, name: &str) -> String {
    match namespace {
        Some(namespace) => format!("{} {namespace}/{name}", K::kind(&())),
        None => format!("{} {name}", K::kind(&())),
    }
}

/// An object that is not there is an answer, not an error.
pub(super) fn absent_is_none<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Err(Error::Api { source, .. }) if code(&source) == Some(404) => Ok(None),
        result => result.map(Some),
    }
}

/// A conflict, an object that exists where it should not or does not where it should, a uid that is another's: all
/// of them say that the observation is old.
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
