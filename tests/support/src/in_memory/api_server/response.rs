//! Bodies and answers: metadata alone, merge patches (RFC 7396), an answer cut short.

use http::header::RETRY_AFTER;
use http::{Response, StatusCode};
use kube::client::Body;
use serde_json::{Value, json};
use tower::BoxError;

/// An answer without its last byte.
pub(super) async fn cut(answer: Response<Body>) -> Result<Response<Body>, BoxError> {
    let (parts, body) = answer.into_parts();
    let mut bytes = body.collect_bytes().await?.to_vec();
    bytes.pop();
    Ok(Response::from_parts(parts, Body::from(bytes)))
}

pub(super) fn text(object: &Value, field: &str) -> String {
    object["metadata"][field].as_str().unwrap_or_default().to_owned()
}

pub(super) fn metadata(object: &Value) -> Value {
    json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": object["metadata"]})
}

/// RFC 7396.
pub(super) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, value) in patch {
        if value.is_null() {
            target.as_object_mut().unwrap().remove(key);
        } else {
            merge(&mut target[key], value);
        }
    }
}

pub(super) fn response(status: StatusCode, body: &Value) -> Response<Body> {
    let body = Body::from(serde_json::to_vec(body).unwrap());
    Response::builder().status(status).header("content-type", "application/json").body(body).unwrap()
}

/// As API Priority and Fairness answers: the header alone says for how long to wait.
pub(super) fn too_many_requests(seconds: u32) -> Response<Body> {
    let body = Body::from(b"Too many requests, please try again later.\n".to_vec());
    let answer = Response::builder().status(StatusCode::TOO_MANY_REQUESTS).header(RETRY_AFTER, seconds);
    answer.body(body).unwrap()
}

pub(super) fn failure(status: StatusCode, reason: &str) -> Response<Body> {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "message": reason, "reason": reason,
        "code": status.as_u16(),
    });
    response(status, &body)
}
