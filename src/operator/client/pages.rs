//! A list, page by page: no more than a page of it is in memory.
//!
//! A page that is too long to be read is asked for again with half as many objects. A single object that is too long is passed over:
//! it must not keep all others from being seen.

use std::marker::PhantomData;

use kube::api::ListParams;
use kube::core::Request;
use serde::Deserialize;

use super::api_object::ApiObject;
use super::connection::{Answer, Connection, LARGE_PAGE, ListPermit, MAX_ANSWER};
use super::page_head::{ListHead, head};
use super::request::{ApiRequest, READ_TIMEOUT};
use crate::operator::error::Error;
use crate::operator::metrics::Metrics;

/// Objects per page.
const PAGE: u32 = 500;
/// After a page that takes less than one in so many parts of the limit, more objects are asked for again.
const SPARSE: usize = 4;

/// A list that is being read.
pub struct Pages<T> {
    connection: Connection,
    /// Where requests are counted.
    metrics: Option<Metrics>,
    what: String,
    request: Request,
    labels: Option<String>,
    limit: u32,
    next: Next,
    items: PhantomData<fn() -> T>,
}

/// Where a list goes on.
enum Next {
    Beginning,
    Token(String),
    End,
}

/// A page of a list. While it is held, fewer others are read.
pub struct Page<T> {
    /// Its objects.
    pub items: Vec<T>,
    /// The version of which the list is.
    pub version: Option<String>,
    _permit: ListPermit,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
struct Body<T> {
    #[serde(default)]
    metadata: ListHead,
    // An empty list may be written as null.
    items: Option<Vec<T>>,
}

impl<T: ApiObject> Pages<T> {
    /// The list of the objects with these labels, in one namespace or in all, as they are now: it names no resource version.
    pub(super) fn new(connection: &Connection, namespace: Option<&str>, labels: Option<&str>) -> Self {
        let what = labels.map_or_else(String::new, |labels| format!(" with labels {labels}"));
        Self {
            connection: connection.clone(),
            metrics: None,
            what: format!("{}{what}", T::title()),
            request: Request::new(T::path(namespace)),
            labels: labels.map(str::to_owned),
            limit: PAGE,
            next: Next::Beginning,
            items: PhantomData,
        }
    }

    /// The same, whose requests are counted.
    pub(super) fn counted(self, metrics: &Metrics) -> Self {
        Self { metrics: Some(metrics.clone()), ..self }
    }

    /// The next page; `None` after the last.
    ///
    /// # Errors
    /// [`Error`] where the API server does not answer, or with an error.
    pub async fn next(&mut self) -> Result<Option<Page<T>>, Error> {
        if matches!(self.next, Next::End) {
            return Ok(None);
        }
        let permit = self.connection.list_permit().await;
        loop {
            let answer = self.ask().await?;
            if answer.is_whole {
                return self.page(&answer, permit).map(Some);
            }
            if self.limit > 1 {
                self.limit /= 2;
                tracing::debug!(
                    list = self.what,
                    limit = self.limit,
                    "a page is too long and is asked for again"
                );
                continue;
            }
            let version = self.pass_over(&answer)?;
            if matches!(self.next, Next::End) {
                return Ok(Some(Page { items: Vec::new(), version, _permit: permit }));
            }
        }
    }

    async fn ask(&self) -> Result<Answer, Error> {
        let mut params = ListParams { label_selector: self.labels.clone(), ..ListParams::default() };
        params = params.limit(self.limit);
        if let Next::Token(token) = &self.next {
            params = params.continue_token(token);
        }
        let request =
            if T::is_metadata() { self.request.list_metadata(&params) } else { self.request.list(&params) };
        let call = ApiRequest::new("list", self.what.clone(), request, READ_TIMEOUT)?;
        let answer = call.answer(&self.connection, LARGE_PAGE).await;
        if let Some(metrics) = &self.metrics {
            metrics.requested("list", answer.is_ok());
        }
        answer
    }

    fn page(&mut self, answer: &Answer, permit: ListPermit) -> Result<Page<T>, Error> {
        let parsed = serde_json::from_slice::<Body<T>>(&answer.body);
        let Body { metadata, items } =
            parsed.map_err(|error| Error::unreadable("list", &self.what, &error))?;
        if answer.body.len() < MAX_ANSWER / SPARSE {
            self.limit = (self.limit * 2).min(PAGE);
        }
        let version = self.go_on_after(metadata);
        Ok(Page { items: items.unwrap_or_default(), version, _permit: permit })
    }

    /// Goes on behind a single object that is too long to be read.
    fn pass_over(&mut self, answer: &Answer) -> Result<Option<String>, Error> {
        let Some(list) = head(&answer.body) else {
            return Err(Error::TooLarge { what: format!("list {}", self.what), limit: MAX_ANSWER });
        };
        tracing::warn!(
            list = self.what,
            limit = MAX_ANSWER,
            "an object is too large to be read and is passed over, as if it did not exist"
        );
        Ok(self.go_on_after(list))
    }

    fn go_on_after(&mut self, ListHead { resource_version, token }: ListHead) -> Option<String> {
        self.next = token.filter(|token| !token.is_empty()).map_or(Next::End, Next::Token);
        resource_version.filter(|version| !version.is_empty())
    }
}
