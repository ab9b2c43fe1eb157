//! Timeouts for answers of the API server.
//!
//! The calls of the operator have shorter timeouts of their own. kube's watcher has none for a list or for the head of a watch;
//! without one, a half-open connection stops a watch for ever.

use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use http::{Request, Response};
use tower::{BoxError, Service};
use tower_http::timeout::TimeoutBody;

use super::watch_throttle::is_watch;

/// Longest until an answer begins, and between two parts of it. Longer than any call of the operator may take, so that
/// the timeout of such a call is reached first, whose error names the object.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(45);
/// Longest time without an event of a watch: there may be nothing to report, but the API server ends it after 290 s.
const WATCH_IDLE_TIMEOUT: Duration = Duration::from_mins(5);

/// The API server accepted a request and did not begin to answer.
#[derive(Debug, thiserror::Error)]
#[error("the API server accepted {what} and did not begin to answer within {} s; it is tried again", within.as_secs())]
struct Unanswered {
    what: String,
    within: Duration,
}

/// Gives up a request whose answer does not begin, or does not go on.
#[derive(Clone)]
pub struct ResponseTimeout<S>(S);

impl<S> ResponseTimeout<S> {
    /// Limits how long the answers of a service are waited for.
    pub fn new(inner: S) -> Self {
        Self(inner)
    }
}

impl<S, B, A> Service<Request<B>> for ResponseTimeout<S>
where
    S: Service<Request<B>, Response = Response<A>, Error: Into<BoxError>>,
    S::Future: Send + 'static,
{
    type Response = Response<TimeoutBody<A>>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let between_parts = if is_watch(&request) { WATCH_IDLE_TIMEOUT } else { RESPONSE_TIMEOUT };
        let what = format!("{} {}", request.method(), request.uri().path());
        let answer = self.0.call(request);
        Box::pin(async move {
            let Ok(answer) = tokio::time::timeout(RESPONSE_TIMEOUT, answer).await else {
                return Err(Unanswered { what, within: RESPONSE_TIMEOUT }.into());
            };
            Ok(answer.map_err(Into::into)?.map(|body| TimeoutBody::new(between_parts, body)))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use axum::body::{Body, Bytes};
    use futures::StreamExt as _;
    use futures::stream::{once, pending as no_more_parts};
    use k8s_openapi::api::core::v1::Secret;
    use kube::runtime::watcher;
    use kube::{Api, Client};
    use tower::service_fn;

    use super::*;

    const LIST: &str =
        r#"{"apiVersion":"v1","kind":"SecretList","metadata":{"resourceVersion":"7"},"items":[]}"#;

    /// An answer that begins like this, and never ends.
    fn broken_off(begin: &'static str) -> Response<Body> {
        let begin = once(async move { Ok::<_, BoxError>(Bytes::from(begin)) });
        Response::new(Body::from_stream(begin.chain(no_more_parts())))
    }

    /// How often a watch of kube gives up an API server that answers like this: thrice, or it waits for ever.
    async fn given_up<F>(answer: impl Fn(bool) -> F + Clone + Send + 'static) -> usize
    where
        F: Future<Output = Result<Response<Body>, BoxError>> + Send + 'static,
    {
        let service = service_fn(move |request: Request<kube::client::Body>| answer(is_watch(&request)));
        let api: Api<Secret> = Api::all(Client::new(ResponseTimeout::new(service), "default"));
        let watch = watcher(api, watcher::Config::default());
        let errors = watch.filter(|event| std::future::ready(event.is_err())).take(3).count();
        tokio::time::timeout(Duration::from_hours(1), errors).await.unwrap_or(0)
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_that_is_accepted_and_never_answered_is_given_up_and_tried_again() {
        assert_eq!(given_up(|_| pending()).await, 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_whose_answer_stops_in_the_middle_is_given_up_and_tried_again() {
        assert_eq!(given_up(|_| async { Ok(broken_off(r#"{"items":["#)) }).await, 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_whose_answer_never_begins_is_given_up_and_tried_again() {
        let answer = |is_watch| async move {
            if is_watch { pending().await } else { Ok(Response::new(Body::from(LIST))) }
        };
        assert_eq!(given_up(answer).await, 3);
    }
}
