//! A list of several namespaces, page by page, one namespace after the other.

use std::vec;

use super::ApiClient;
use super::api_object::ApiObject;
use super::pages::{Page, Pages};
use crate::operator::error::Error;

/// The list of the objects with some labels, in each of some scopes.
pub struct ScopedPages<T> {
    client: ApiClient,
    labels: String,
    scopes: vec::IntoIter<Option<String>>,
    current: Option<(Option<String>, Pages<T>)>,
}

/// A page, and the scope whose list it is of.
pub struct ScopedPage<T> {
    /// The namespace; `None` where the list is of all.
    pub scope: Option<String>,
    /// The page.
    pub page: Page<T>,
}

impl<T: ApiObject> ScopedPages<T> {
    /// The list in these namespaces, where `None` is all.
    #[must_use]
    pub fn new(client: &ApiClient, labels: String, scopes: Vec<Option<String>>) -> Self {
        Self { client: client.clone(), labels, scopes: scopes.into_iter(), current: None }
    }

    /// The next page; `None` after the last of the last namespace.
    ///
    /// # Errors
    /// [`Error`] where the API server does not answer, or with an error.
    pub async fn next(&mut self) -> Result<Option<ScopedPage<T>>, Error> {
        loop {
            if let Some((scope, pages)) = &mut self.current
                && let Some(page) = pages.next().await?
            {
                return Ok(Some(ScopedPage { scope: scope.clone(), page }));
            }
            let Some(scope) = self.scopes.next() else { return Ok(None) };
            let pages = self.client.list(scope.as_deref(), &self.labels);
            self.current = Some((scope, pages));
        }
    }
}
