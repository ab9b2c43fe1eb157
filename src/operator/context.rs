//! What every pass needs, built once in `main`: clock, client, memory.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::core::PartialObjectMeta;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

use super::client::Requests;
use super::error::Error;
use super::issuers::Authorities;
use super::metrics::Metrics;
use super::scheduler::Board;
use crate::api::names::label;
use crate::operator::authority::rotation::blockers::Sights;
use crate::operator::identity::key_generator::Forge;
use crate::operator::index::authorities::Roster;
use crate::operator::probe::store::Probes;
use crate::operator::scheduler::deadlines::Millis;
use crate::operator::trust_bundle::shared::Bundles;
use crate::plan::authority::safeguards::Safeguards;
use crate::runtime::clock::Clock;

/// The context of every pass.
#[derive(Clone)]
pub struct Context {
    /// Time.
    pub clock: Clock,
    /// The API server.
    pub requests: Requests,
    /// What needs a look.
    pub board: SharedBoard,
    /// Who signs.
    pub authorities: Authorities,
    /// The authorities that exist.
    pub roster: Roster,
    /// What was seen of rotations.
    pub sights: Sights,
    /// What was seen of Pods.
    pub probes: Probes,
    /// Trust bundles that are published.
    pub bundles: Bundles,
    /// Keys that take long to make.
    pub forge: Forge,
    /// Figures.
    pub metrics: Metrics,
    /// Namespace of root Secrets and of the Lease.
    pub namespace: Arc<str>,
    /// Namespaces whose identities are served; none is all.
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

    /// This moment, as it may stand in a certificate.
    ///
    /// # Errors
    /// [`Error::Clock`] where the clock cannot be relied on.
    pub fn signing_time(&self) -> Result<Timestamp, Error> {
        self.clock.doubt().map_or_else(|| Ok(self.clock.now()), |doubt| Err(Error::Clock(doubt)))
    }

    /// The scopes to watch and to list: all namespaces at once, or each of some.
    #[must_use]
    pub fn watched(&self) -> Vec<Option<String>> {
        if self.watch_namespaces.is_empty() {
            return vec![None];
        }
        self.watch_namespaces.iter().cloned().map(Some).collect()
    }

    /// The metadata of the leaf Secrets of an authority, as a fresh list shows them.
    ///
    /// # Errors
    /// [`Error`] where they cannot be listed.
    pub async fn leaf_secrets(&self, authority: &str) -> Result<Vec<PartialObjectMeta<Secret>>, Error> {
        let (labels, mut list) = (label::selector_for(authority), Vec::new());
        for namespace in self.watched() {
            list.extend(self.requests.list_secrets(namespace.as_deref(), &labels).await?);
        }
        Ok(list)
    }

    /// Whether objects of a namespace are watched.
    #[must_use]
    pub fn is_watched(&self, namespace: &str) -> bool {
        self.watch_namespaces.is_empty() || self.watch_namespaces.iter().any(|watched| watched == namespace)
    }
}

/// The board, and a bell that rings when something in it has changed.
#[derive(Clone, Default)]
pub struct SharedBoard {
    board: Arc<Mutex<Board>>,
    changed: Arc<Notify>,
}

impl SharedBoard {
    /// The board, to read. Never held across an await.
    pub fn lock(&self) -> MutexGuard<'_, Board> {
        self.board.lock()
    }

    /// Changes the board and rings the bell.
    pub fn change<T>(&self, change: impl FnOnce(&mut Board) -> T) -> T {
        let result = change(&mut self.board.lock());
        self.changed.notify_one();
        result
    }

    /// Waits until the bell has rung since the last call.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }
}
