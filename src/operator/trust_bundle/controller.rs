//! The controller of published trust bundles: applies the bundle of each authority to the targets of its spec, and deletes it elsewhere.
//!
//! Level-triggered: each round compares all targets with the store, and sends no request where nothing differs.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::{Id, JoinSet};

use super::apply::apply;
use super::shared::TrustBundles;
use super::targets::{Change, pending_changes};
use crate::operator::index::time::Millis;
use crate::plan::trust_bundle::decide::Target;
use crate::runtime::leader::Leadership;

/// Changes that are applied at the same time: as many as requests of one reconcile (`client::AT_ONCE`).
const AT_ONCE: usize = 8;
/// Changes that are taken from one comparison: enough that comparing costs little, and few enough to be still due when they start.
const BATCH: usize = 256;
/// The clock may be set while the controller sleeps: it wakes at least this often.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// The controller.
pub struct TrustBundleController {
    bundles: TrustBundles,
    leadership: Leadership,
    /// True once this leader has reconciled every authority of the first list.
    synced: watch::Receiver<bool>,
    changes: VecDeque<Change>,
    running: JoinSet<()>,
    /// The targets of changes that are being applied.
    busy: HashMap<Id, Target>,
}

impl TrustBundleController {
    /// A controller of these bundles.
    #[must_use]
    pub fn new(bundles: TrustBundles, leadership: Leadership, synced: watch::Receiver<bool>) -> Self {
        let (changes, running) = (VecDeque::new(), JoinSet::new());
        Self { bundles, leadership, synced, changes, running, busy: HashMap::new() }
    }

    /// Runs while this replica leads, and waits otherwise. Ends only when the authority controller has ended.
    pub async fn run(mut self) {
        loop {
            self.leadership.until_leader().await;
            if self.synced.wait_for(|synced| *synced).await.is_err() {
                return;
            }
            let next = if self.changes.is_empty() { self.compare() } else { None };
            while self.busy.len() < AT_ONCE
                && let Some(change) = self.changes.pop_front()
            {
                self.start(change);
            }
            self.wait(next).await;
        }
    }

    /// Compares desired bundles with the store. Returns when a retry is due.
    fn compare(&mut self) -> Option<Millis> {
        let bundles = &self.bundles;
        let asks = |name: &String| {
            bundles
                .context
                .issuers
                .get(name)
                .is_some_and(|issuer| issuer.spec.publication.cluster().is_some())
        };
        bundles.store.ask_for_cluster(bundles.context.issuers.names().iter().any(asks));
        let wants = |name: &String| {
            bundles.context.issuers.get(name).is_some_and(|issuer| {
                issuer.spec.publication.has_config_maps() || issuer.spec.unread.hides_publication()
            })
        };
        let is_wanted = bundles.context.issuers.names().iter().any(wants);
        bundles.store.ask_for_config_maps(is_wanted || bundles.store.lock().has_config_maps());
        let changes = pending_changes(bundles);
        let is_idle = |change: &Change| !self.busy.values().any(|target| *target == change.target);
        self.changes.extend(changes.due.into_iter().filter(is_idle).take(BATCH));
        changes.next
    }

    fn start(&mut self, change: Change) {
        let (bundles, target) = (self.bundles.clone(), change.target.clone());
        let started = self.running.spawn(async move { apply(&bundles, &change).await });
        self.busy.insert(started.id(), target);
    }

    /// Waits until the store changes, a change was applied, or a retry is due.
    async fn wait(&mut self, next: Option<Millis>) {
        let next = next.and_then(|at| Timestamp::from_millisecond(at).ok()).unwrap_or(Timestamp::MAX);
        let ended = tokio::select! {
            Some(ended) = self.running.join_next_with_id() => ended,
            () = self.bundles.store.changed() => return,
            () = self.bundles.context.clock.sleep_until(next, LONGEST_SLEEP) => return,
        };
        let id = match ended {
            Ok((id, ())) => id,
            Err(panic) => {
                tracing::error!(%panic, "a change of a trust bundle panicked");
                panic.id()
            }
        };
        self.busy.remove(&id);
    }
}
