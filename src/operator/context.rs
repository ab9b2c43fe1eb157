//! What all controllers share, built once at start: clock, API client, metrics, scope, and what was observed of the cluster.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;

use super::client::ApiClient;
use super::client::api_object::MetadataOf;
use super::client::scoped_pages::ScopedPages;
use super::error::Error;
use super::issuers::Issuers;
use super::metrics::Metrics;
use super::scheduler::Scheduler;
use crate::api::names::label;
use crate::operator::index::authorities::Authorities;
use crate::operator::index::metadata::LeafMetadata;
use crate::operator::index::time::Millis;
use crate::plan::authority::safeguards::Safeguards;
use crate::runtime::clock::Clock;
use crate::runtime::shared::Shared;

/// What all controllers share. It is cheap to clone.
#[derive(Clone)]
pub struct Context {
    /// The clock.
    pub clock: Clock,
    /// The API server.
    pub client: ApiClient,
    /// Which identity is reconciled next, and the index.
    pub scheduler: Shared<Scheduler>,
    /// The CAs that sign, by authority.
    pub issuers: Issuers,
    /// The authorities that exist.
    pub authorities: Shared<Authorities>,
    /// Metrics.
    pub metrics: Metrics,
    /// Namespace of root Secrets and of the Lease.
    pub namespace: Arc<str>,
    /// The name of this Pod.
    pub pod_name: Arc<str>,
    /// Namespaces whose identities are served; an empty list means all.
    pub watch_namespaces: Arc<[String]>,
    /// The safeguards of rotations.
    pub safeguards: Safeguards,
}

impl Context {
    /// Milliseconds since 1970.
    #[must_use]
    pub fn millis(&self) -> Millis {
        self.clock.now().as_millisecond()
    }

    /// This moment, for use in a certificate.
    ///
    /// # Errors
    /// [`Error::Clock`] where the clock cannot be relied on.
    pub fn signing_time(&self) -> Result<Timestamp, Error> {
        self.clock.problem().map_or_else(|| Ok(self.clock.now()), |problem| Err(Error::Clock(problem)))
    }

    /// The scopes to watch and to list: all namespaces at once, or each of those that are served.
    #[must_use]
    pub fn watched(&self) -> Vec<Option<String>> {
        if self.watch_namespaces.is_empty() {
            return vec![None];
        }
        self.watch_namespaces.iter().cloned().map(Some).collect()
    }

    /// A fresh list of the leaf Secrets of an authority, by their metadata.
    #[must_use]
    pub fn leaf_secrets(&self, authority: &str) -> ScopedPages<MetadataOf<Secret, LeafMetadata>> {
        ScopedPages::new(&self.client, label::selector_for(authority), self.watched())
    }

    /// Whether objects of a namespace are watched.
    #[must_use]
    pub fn is_watched(&self, namespace: &str) -> bool {
        self.watch_namespaces.is_empty() || self.watch_namespaces.iter().any(|watched| watched == namespace)
    }
}
