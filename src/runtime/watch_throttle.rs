//! A watch that the server ends at once is opened again by kube without a pause, tens of thousands of times a second.
//! Here the same watch is opened once a second at most.

use std::collections::HashMap;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use http::Request;
use parking_lot::Mutex;
use tokio::time::Instant;
use tower::Service;

use super::clock::monotonic_now;

/// The same watch is opened this often at most.
const INTERVAL: Duration = Duration::from_secs(1);
/// Watches that are remembered. An operator of a list of namespaces has a few for each.
const REMEMBERED: usize = 4096;

/// Lets watches through at a measured pace, everything else at once.
#[derive(Clone)]
pub struct WatchThrottle<S> {
    inner: S,
    /// When each watch may be opened next, by path and selectors.
    next: Arc<Mutex<HashMap<String, Instant>>>,
}

impl<S> WatchThrottle<S> {
    /// Paces the watches of a service.
    pub fn new(inner: S) -> Self {
        Self { inner, next: Arc::default() }
    }

    /// When this request may go out. The first watch of its kind goes out at once.
    fn turn<B>(&self, request: &Request<B>) -> Option<Instant> {
        let watch = watch_of(request)?;
        let mut next = self.next.lock();
        if next.len() >= REMEMBERED {
            next.clear();
        }
        let now = monotonic_now();
        let turn = next.get(&watch).copied().unwrap_or(now).max(now);
        next.insert(watch, turn + INTERVAL);
        Some(turn)
    }
}

/// Whether the answer to a request goes on as long as something may happen.
pub fn is_watch<B>(request: &Request<B>) -> bool {
    parts(request).any(|part| part == "watch=true")
}

/// What a request watches: its URI without the version from which it goes on.
fn watch_of<B>(request: &Request<B>) -> Option<String> {
    is_watch(request).then(|| {
        let selectors = parts(request).filter(|part| !part.starts_with("resourceVersion="));
        format!("{}?{}", request.uri().path(), selectors.collect::<Vec<_>>().join("&"))
    })
}

fn parts<B>(request: &Request<B>) -> impl Iterator<Item = &str> {
    request.uri().query().unwrap_or_default().split('&')
}

impl<S, B> Service<Request<B>> for WatchThrottle<S>
where
    S: Service<Request<B>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let turn = self.turn(&request);
        // The service that was polled ready is the one to be called; its clone takes its place.
        let waiting = self.inner.clone();
        let mut ready = std::mem::replace(&mut self.inner, waiting);
        Box::pin(async move {
            if let Some(turn) = turn {
                tokio::time::sleep_until(turn).await;
            }
            ready.call(request).await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tower::ServiceExt as _;

    async fn open(
        service: &WatchThrottle<
            impl Service<Request<()>, Response = (), Error = (), Future: Send> + Clone + Send + 'static,
        >,
        uri: &str,
    ) {
        service.clone().oneshot(Request::get(uri).body(()).unwrap()).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_is_opened_once_a_second_and_everything_else_at_once() {
        let service = WatchThrottle::new(tower::service_fn(|_: Request<()>| async { Ok::<_, ()>(()) }));
        let start = monotonic_now();
        open(&service, "/api/v1/secrets?watch=true&resourceVersion=1").await;
        for _ in 0..100 {
            open(&service, "/api/v1/secrets?limit=500").await;
        }
        open(&service, "/api/v1/namespaces?watch=true").await;
        assert_eq!(monotonic_now() - start, Duration::ZERO);
        open(&service, "/api/v1/secrets?watch=true&resourceVersion=2").await;
        open(&service, "/api/v1/secrets?watch=true&resourceVersion=3").await;
        assert!(monotonic_now() - start >= 2 * INTERVAL);
    }
}
