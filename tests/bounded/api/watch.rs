//! The changes after a version, one line each, until the time that was asked for is over.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use futures::stream;
use http::header::CONTENT_TYPE;
use serde_json::json;
use test_support::in_memory::api_server::ApiServer;
use test_support::in_memory::api_server::changes::Change;
use tokio::sync::watch::Receiver;
use tokio::time::{Instant, timeout_at};

use super::list::shown;
use super::selector::Selector;

/// A watch, and how far it has come.
pub struct Watch {
    pub server: ApiServer,
    pub of: Selector,
    pub is_metadata: bool,
    pub after: u64,
    pub told: Receiver<u64>,
    pub end: Instant,
}

impl Watch {
    /// Tells all changes after a version.
    pub fn new(server: &ApiServer, of: Selector, after: u64, open: Duration, is_metadata: bool) -> Self {
        let told = server.subscribe();
        #[allow(clippy::disallowed_methods, reason = "when a watch ends is nothing that a test depends on")]
        let end = Instant::now() + open;
        Self { server: server.clone(), of, is_metadata, after, told, end }
    }

    /// The answer.
    pub fn answer(self) -> Response {
        let lines = stream::unfold(self, async |mut watch| {
            let lines = watch.next().await?;
            Some((Ok::<_, Infallible>(lines), watch))
        });
        let body = Body::from_stream(lines);
        Response::builder().header(CONTENT_TYPE, "application/json").body(body).unwrap()
    }

    /// The next lines. What concerns other objects moves the watch on by a bookmark.
    async fn next(&mut self) -> Option<String> {
        loop {
            self.told.borrow_and_update();
            let changes = self.server.changes_after(self.after);
            if let Some(last) = changes.last() {
                self.after = last.version;
                let lines: String = changes.iter().filter_map(|change| self.line(change)).collect();
                return Some(if lines.is_empty() { self.bookmark() } else { lines });
            }
            timeout_at(self.end, self.told.changed()).await.ok()?.ok()?;
        }
    }

    fn line(&self, change: &Change) -> Option<String> {
        let Change { what, kind, object, .. } = change;
        let is_selected = self.of.selects(kind, object);
        is_selected
            .then(|| format!("{{\"type\":\"{what}\",\"object\":{}}}\n", shown(object, self.is_metadata)))
    }

    fn bookmark(&self) -> String {
        let object = json!({
            "kind": "Bookmark", "apiVersion": "v1",
            "metadata": { "resourceVersion": self.after.to_string() },
        });
        format!("{}\n", json!({ "type": "BOOKMARK", "object": object }))
    }
}
