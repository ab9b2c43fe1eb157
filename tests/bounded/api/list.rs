//! Pages of lists, written while they are read: a page that the operator gives up is not written to its end.

use std::iter;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::response::Response;
use futures::stream;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::selector::Selector;
use super::series::{Series, as_go_writes};

/// Octets that are written at a time.
const CHUNK: usize = 64 << 10;

/// What a list is of: stored objects first, then series.
pub struct List {
    pub stored: Vec<Value>,
    pub series: Vec<Arc<Series>>,
    pub version: u64,
    pub is_metadata: bool,
}

impl List {
    /// Of all objects, those that are selected.
    pub fn of(selector: &Selector, stored: Vec<Value>, series: Vec<Arc<Series>>, version: u64) -> Self {
        let stored = stored.into_iter().filter(|object| selector.selects(&selector.kind, object)).collect();
        let series = series.into_iter().filter(|series| series.is_selected(selector)).collect();
        Self { stored, series, version, is_metadata: false }
    }

    /// The page of so many places from this place on. The place of an object that is gone stays empty.
    pub fn page(self, from: usize, limit: usize) -> Response {
        let places = self.stored.len() + self.series.iter().map(|series| series.count()).sum::<usize>();
        let to = from.saturating_add(limit).min(places);
        let token = if to < places { to.to_string() } else { String::new() };
        let metadata = json!({ "resourceVersion": self.version.to_string(), "continue": token });
        let mut is_first = true;
        let items = (from..to).filter_map(move |place| self.item(place)).map(move |item| {
            let comma = if std::mem::take(&mut is_first) { "" } else { "," };
            format!("{comma}{item}")
        });
        let head = format!(r#"{{"kind":"List","apiVersion":"v1","metadata":{metadata},"items":["#);
        let body = chunks(iter::once(head).chain(items).chain(iter::once("]}".into())));
        let body = Body::from_stream(stream::iter(body.map(Ok::<_, std::convert::Infallible>)));
        Response::builder().header(CONTENT_TYPE, "application/json").body(body).unwrap()
    }

    fn item(&self, place: usize) -> Option<String> {
        if let Some(object) = self.stored.get(place) {
            return Some(shown(object, self.is_metadata));
        }
        let mut number = place - self.stored.len();
        for series in &self.series {
            if number < series.count() {
                return series.text(number, self.is_metadata);
            }
            number -= series.count();
        }
        None
    }
}

/// An object, or its metadata.
pub fn shown(object: &Value, is_metadata: bool) -> String {
    let kind = json!({ "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1" });
    if !is_metadata {
        return as_go_writes(&object.to_string());
    }
    let mut metadata = kind;
    metadata["metadata"] = object["metadata"].clone();
    as_go_writes(&metadata.to_string())
}

/// Texts joined to larger ones.
fn chunks(mut texts: impl Iterator<Item = String>) -> impl Iterator<Item = Bytes> {
    iter::from_fn(move || {
        let mut chunk = texts.next()?;
        while chunk.len() < CHUNK
            && let Some(text) = texts.next()
        {
            chunk.push_str(&text);
        }
        Some(chunk.into())
    })
}
