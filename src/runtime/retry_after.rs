//! The header `Retry-After` of answers 429 and 503, as a part of the status that the client passes on.
//!
//! API Priority and Fairness, and what stands before an API server, say in a header alone for how long to wait.

use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody, to_bytes};
use futures::future::BoxFuture;
use http::header::RETRY_AFTER;
use http::{HeaderMap, Request, Response, StatusCode};
use kube::core::Status;
use kube::core::response::StatusDetails;
use tower::{BoxError, Service};

/// Longest answer that says why: a longer one is a failure like any other.
const LONGEST: usize = 1 << 20;

/// Lets every request through, and completes the answers that ask for a pause.
#[derive(Clone)]
pub struct RetryAfter<S>(S);

impl<S> RetryAfter<S> {
    /// Completes the answers of a service.
    pub const fn new(inner: S) -> Self {
        Self(inner)
    }
}

impl<S, B, A> Service<Request<B>> for RetryAfter<S>
where
    S: Service<Request<B>, Response = Response<A>>,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    A: HttpBody<Data = Bytes> + Send + 'static,
    A::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Body>, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let answer = self.0.call(request);
        Box::pin(async move {
            let answer = answer.await.map_err(Into::into)?.map(Body::new);
            match seconds(answer.status(), answer.headers()) {
                Some(seconds) => complete(answer, seconds).await,
                None => Ok(answer),
            }
        })
    }
}

/// For how long an answer asks to wait.
fn seconds(status: StatusCode, headers: &HeaderMap) -> Option<u32> {
    let asks = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    headers.get(RETRY_AFTER).filter(|_| asks)?.to_str().ok()?.trim().parse().ok()
}

async fn complete(answer: Response<Body>, seconds: u32) -> Result<Response<Body>, BoxError> {
    let (parts, body) = answer.into_parts();
    let body = to_bytes(body, LONGEST).await?;
    let plain = || {
        let text = String::from_utf8_lossy(&body);
        Status::failure(text.trim(), "Failed to parse error data").with_code(parts.status.as_u16())
    };
    let mut status: Status = serde_json::from_slice(&body).unwrap_or_else(|_| plain());
    status.details.get_or_insert_with(no_details).retry_after_seconds = seconds;
    let body = serde_json::to_vec(&status)?;
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn no_details() -> StatusDetails {
    StatusDetails {
        name: String::new(),
        group: String::new(),
        kind: String::new(),
        uid: String::new(),
        causes: Vec::new(),
        retry_after_seconds: 0,
    }
}

#[cfg(test)]
mod tests {
    use kube::Client;

    use super::*;

    /// What a client is told by a server that answers so.
    async fn told(status: u16, retry_after: Option<&'static str>, body: &'static str) -> Status {
        let service = tower::service_fn(move |_: Request<kube::client::Body>| async move {
            let mut answer = Response::builder().status(status);
            if let Some(seconds) = retry_after {
                answer = answer.header(RETRY_AFTER, seconds);
            }
            Ok::<_, BoxError>(answer.body(Body::from(body.as_bytes().to_vec())).unwrap())
        });
        let client = Client::new(RetryAfter::new(service), "default");
        match client.request_text(Request::new(Vec::new())).await {
            Err(kube::Error::Api(status)) => *status,
            other => panic!("{other:?}"),
        }
    }

    fn asked(status: &Status) -> Option<u32> {
        status.details.as_ref().map(|details| details.retry_after_seconds).filter(|seconds| *seconds > 0)
    }

    #[tokio::test]
    async fn a_header_that_asks_for_a_pause_is_passed_on_with_plain_text_and_with_a_status() {
        let status = told(429, Some("7"), "Too many requests, please try again later.\n").await;
        assert_eq!((status.code, asked(&status)), (429, Some(7)));
        assert_eq!(status.message, "Too many requests, please try again later.");
        let body = r#"{"kind":"Status","status":"Failure","message":"etcd","reason":"ServiceUnavailable","code":503}"#;
        let status = told(503, Some("2"), body).await;
        assert_eq!((status.code, asked(&status), &*status.message), (503, Some(2), "etcd"));
    }

    #[tokio::test]
    async fn other_answers_are_left_as_they_are() {
        for (code, header) in [(429, None), (500, Some("7")), (429, Some("Fri, 31 Dec 1999 23:59:59 GMT"))] {
            let status = told(code, header, "no").await;
            assert_eq!((status.code, asked(&status)), (code, None));
        }
    }
}
