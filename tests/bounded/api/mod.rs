//! The API server in memory, over HTTP on loopback: with pages of lists, watches, and more objects than it stores.
//!
//! What is asked of single objects is answered by the server in memory alone.

pub mod list;
mod route;
mod selector;
pub mod series;
mod watch;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, Method};
use kube::client::Body as KubeBody;
use list::List;
use parking_lot::Mutex;
use route::Route;
use series::{Series, as_go_writes};
use test_support::in_memory::api_server::ApiServer;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use watch::Watch;

/// The server. It listens until this value goes.
pub struct Api {
    pub shared: Shared,
    pub address: String,
    listening: JoinHandle<()>,
}

/// What requests have in common.
#[derive(Clone, Default)]
pub struct Shared {
    pub server: ApiServer,
    series: Arc<Mutex<Vec<Arc<Series>>>>,
    slow: Arc<Mutex<Option<(String, Duration)>>>,
}

impl Api {
    /// Listens on a free port of loopback.
    pub async fn start() -> Self {
        let shared = Shared::default();
        shared.server.keep_changes();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(shared.clone());
        let listening = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { shared, address, listening }
    }

    /// From now on there are these objects, too.
    pub fn add(&self, series: Series) -> Arc<Series> {
        let series = Arc::new(series);
        self.shared.series.lock().push(series.clone());
        series
    }

    /// Deletes all objects of a series, one after the other.
    pub fn delete(&self, series: &Series) {
        for number in 0..series.count() {
            self.shared.store(series, number);
            let (namespace, name) = series.place(number);
            self.shared.server.delete(series.kind(), &namespace, &name);
        }
    }

    /// From now on writes in this namespace take so long.
    pub fn slow_down(&self, namespace: &str, pause: Duration) {
        *self.shared.slow.lock() = Some((namespace.to_owned(), pause));
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn answer(State(shared): State<Shared>, request: Request) -> Result<Response, Infallible> {
    let (parts, body) = request.into_parts();
    let is_metadata = is_metadata(&parts.headers);
    Ok(match Route::of(&parts.uri, parts.method == Method::GET) {
        Route::List { of, limit, from } => {
            // The version first: what changes meanwhile is told by the watch that goes on from there.
            let version = shared.server.version();
            let stored = shared.server.all(&of.kind);
            let list = List::of(&of, stored, shared.series.lock().clone(), version);
            List { is_metadata, ..list }.page(from, limit)
        }
        Route::Watch { of, after, seconds } => {
            Watch::new(&shared.server, of, after, Duration::from_secs(seconds), is_metadata).answer()
        }
        Route::Object { kind, namespace, name } => {
            let found = shared.find(&kind, &namespace, &name);
            match found {
                Some((series, number)) if parts.method == Method::GET => {
                    text(series.text(number, is_metadata).unwrap_or_default())
                }
                Some((series, number)) => {
                    shared.store(&series, number);
                    shared.forward(&namespace, parts, body).await
                }
                None => shared.forward(&namespace, parts, body).await,
            }
        }
    })
}

impl Shared {
    /// Has the server in memory hold an object of a series, as it is.
    fn store(&self, series: &Series, number: usize) {
        series.move_out(number, |object| self.server.restore(series.kind(), object));
    }

    fn find(&self, kind: &str, namespace: &str, name: &str) -> Option<(Arc<Series>, usize)> {
        let series = self.series.lock();
        series.iter().find_map(|series| Some((series.clone(), series.find(kind, namespace, name)?)))
    }

    /// Has the server in memory answer.
    async fn forward(&self, namespace: &str, parts: Parts, body: Body) -> Response {
        let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
        let slow = self.slow.lock().clone().filter(|(slow, _)| slow == namespace);
        if let Some((_, pause)) = slow.filter(|_| parts.method != Method::GET) {
            tokio::time::sleep(pause).await;
        }
        let request = http::Request::from_parts(parts, KubeBody::from(body));
        let (mut parts, body) = self.server.answer(request).await.unwrap().into_parts();
        let body = body.collect_bytes().await.unwrap();
        let body = as_go_writes(std::str::from_utf8(&body).unwrap());
        parts.headers.remove(CONTENT_LENGTH);
        Response::from_parts(parts, Body::from(body))
    }
}

fn text(body: String) -> Response {
    Response::builder().header(CONTENT_TYPE, "application/json").body(Body::from(body)).unwrap()
}

fn is_metadata(headers: &HeaderMap) -> bool {
    headers.get(ACCEPT).is_some_and(|accept| accept.to_str().unwrap().contains("PartialObjectMetadata"))
}
