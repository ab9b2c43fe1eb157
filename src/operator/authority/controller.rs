//! The MtlsAuthority controller: claims each authority, reconciles its root, activates the CA that signs and records the
//! outcome. One authority at a time: there are few.
//!
//! An authority that was deleted, or that another operator serves, leaves nothing behind in this process.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use tokio::sync::watch;

use super::activate::activate;
use super::consumers::Consumers;
use super::inputs::AuthorityReconcile;
use super::next_reconcile::next_reconcile;
use super::record::StatusWriter;
use super::state::AuthorityStates;
use super::status::names_signer;
use super::summary::Summary;
use crate::api::MtlsAuthority;
use crate::api::names::annotation;
use crate::operator::context::Context;
use crate::operator::error::Error;
use crate::operator::index::time::Millis;
use crate::operator::issuers::{Issuer, Unready};
use crate::operator::metrics::MISSING;
use crate::operator::scheduler::requeue::Priority;
use crate::plan::authority::spec::AuthoritySpec;
use crate::runtime::leader::Leadership;

/// Longest wait: the wall clock may be set meanwhile, and what is due is compared with it again.
const LONGEST_SLEEP: Duration = Duration::from_secs(10);

/// The controller.
pub struct AuthorityController {
    context: Context,
    consumers: Consumers,
    leadership: Leadership,
    /// True once every authority that was listed has been reconciled by this leader.
    synced: watch::Sender<bool>,
    summary: Summary,
    states: AuthorityStates,
    /// Whether the clock could not be relied on when this was asked last.
    is_clock_unreliable: bool,
}

impl AuthorityController {
    /// A controller that distributes roots to these consumers.
    #[must_use]
    pub fn new(consumers: Consumers, leadership: Leadership) -> Self {
        let context = consumers.context().clone();
        let (summary, states) = (Summary::default(), AuthorityStates::default());
        let synced = watch::Sender::new(false);
        Self { context, consumers, leadership, synced, summary, states, is_clock_unreliable: false }
    }

    /// Whether every authority that was listed has been reconciled by this leader.
    #[must_use]
    pub fn synced(&self) -> watch::Receiver<bool> {
        self.synced.subscribe()
    }

    /// Reconciles as long as this replica leads; waits otherwise. Never ends.
    pub async fn run(mut self) {
        loop {
            self.leadership.until_leader().await;
            self.sync().await;
            while self.leadership.is_leader() {
                self.requeue_after_clock_change();
                self.reconcile_due().await;
                self.summary.update(&self.consumers.bundles, &self.states).await;
                self.wait().await;
            }
            self.synced.send_replace(false);
            self.step_down();
        }
    }

    /// Only the leader shows figures of authorities, and observes quiet periods.
    fn step_down(&mut self) {
        self.summary = Summary::default();
        self.states.step_down();
        self.context.metrics.waiting(Priority::ALL.map(|class| (class, 0)), 0);
        self.context.metrics.workers(0);
        let names = self.context.authorities.lock().names();
        for name in names.iter().map(String::as_str).chain([MISSING]) {
            self.context.metrics.remove_gauges(name);
        }
    }

    async fn sync(&mut self) {
        self.requeue_all();
        self.reconcile_due().await;
        self.synced.send_replace(true);
    }

    fn requeue_all(&self) {
        self.context.authorities.change(|authorities| authorities.requeue_all_at(self.context.millis()));
    }

    /// Whether an authority signs depends on the clock.
    fn requeue_after_clock_change(&mut self) {
        let is_unreliable = self.context.clock.problem().is_some();
        if std::mem::replace(&mut self.is_clock_unreliable, is_unreliable) != is_unreliable {
            self.requeue_all();
        }
    }

    /// Until something changes, or an authority is due, or the summary is.
    async fn wait(&self) {
        let summary_at = self.summary.at().max(self.context.millis().saturating_add(1));
        let next = self.context.authorities.lock().earliest().map_or(summary_at, |due| due.min(summary_at));
        let next = Timestamp::from_millisecond(next).unwrap_or(Timestamp::MAX);
        tokio::select! {
            () = self.context.authorities.changed() => {}
            () = self.context.clock.sleep_until(next, LONGEST_SLEEP) => {}
        }
    }

    fn next_due(&self) -> Option<Arc<MtlsAuthority>> {
        self.context.authorities.lock().next_due(self.context.millis())
    }

    async fn reconcile_due(&mut self) {
        while let Some(authority) = self.next_due() {
            let name = authority.metadata.name.clone().unwrap_or_default();
            match self.reconcile(&authority).await {
                Ok(next) => self.context.authorities.lock().succeeded(&name, next),
                Err(error) => self.failed(&name, &error).await,
            }
        }
        self.forget_deleted();
    }

    fn forget_deleted(&mut self) {
        let exist = self.context.authorities.lock().names();
        let known: BTreeSet<String> =
            self.context.issuers.names().into_iter().chain(self.states.names().cloned()).collect();
        for name in known.iter().filter(|name| !exist.contains(name)) {
            tracing::warn!(
                authority = name,
                "an authority was deleted: its identities are not renewed any more"
            );
            self.forget(name);
        }
    }

    /// Removes everything that this process holds of an authority.
    fn forget(&mut self, name: &str) {
        self.context.issuers.remove(name);
        self.states.remove(name);
        self.consumers.bundles.store.lock().remove_current(name);
        self.context.metrics.remove_gauges(name);
        self.context.metrics.remove_counters(name);
    }

    async fn failed(&mut self, name: &str, error: &Error) {
        tracing::warn!(authority = name, %error, "an authority was not reconciled, will try again");
        self.context.metrics.failed(error);
        self.context.authorities.lock().failed(name, self.context.millis());
        let authority = self.context.authorities.lock().get(name);
        if let Some((authority, why)) = authority.zip(error.explanation()) {
            let state = self.states.of(&authority);
            StatusWriter::new(&self.context, &authority, state).record_failure(&why).await;
        }
        if matches!(error, Error::Stale { .. }) {
            self.reread(name).await;
        }
    }

    /// The authority itself may be what is stale, or deleted.
    async fn reread(&self, name: &str) {
        let Some(stale) = self.context.authorities.lock().get(name) else { return };
        let Ok(found) = self.context.client.read::<MtlsAuthority>(None, name).await else { return };
        if self.context.authorities.change(|authorities| authorities.apply_reread(&stale, found)) {
            self.context
                .scheduler
                .change(|scheduler| scheduler.remove_authority(name, self.context.millis()));
        }
    }

    /// Returns when time alone makes another reconcile necessary.
    async fn reconcile(&mut self, authority: &Arc<MtlsAuthority>) -> Result<Option<Millis>, Error> {
        let Some(authority) = self.claim(authority).await? else { return Ok(None) };
        let (context, state) = (&self.context, self.states.of(&authority));
        let spec = match AuthoritySpec::parse(&authority) {
            Ok(spec) => Arc::new(spec),
            Err(malformed) => {
                let mut writer = StatusWriter::new(context, &authority, state);
                return writer.record_invalid(&malformed.to_string()).await.map(|()| None);
            }
        };
        if context.issuers.get(&spec.name).is_none() {
            let signer = Err(Unready::Pending);
            context.issuers.put(Issuer { spec: spec.clone(), signer, next: None });
        }
        let (quiet_period, applied) = (&mut state.quiet_period, &mut state.unreported);
        let mut reconcile =
            AuthorityReconcile::new(&self.consumers, &authority, &spec, quiet_period, applied);
        let mut outcome = reconcile.run().await?;
        let error = outcome.error.take();
        state.set_rotation(&spec, &outcome);
        let next = next_reconcile(&outcome, &spec, context.millis());
        // Status names a signer before it signs its first leaf: that is what makes a later loss provable.
        let recorded = StatusWriter::new(context, &authority, state).record_outcome(&spec, &outcome).await;
        if recorded.is_err() && !names_signer(&authority, &outcome) {
            return recorded.map(|()| None);
        }
        context.metrics.rotation_phase(&spec.name, outcome.root().map(|root| root.phase));
        activate(&self.consumers, &authority, spec, outcome);
        // A change that cannot be made must not keep a new spec from being in force.
        error.map_or(recorded, Err).map(|()| Some(next))
    }

    /// One operator of a cluster serves an authority: the first to write its namespace there.
    async fn claim(&mut self, authority: &Arc<MtlsAuthority>) -> Result<Option<Arc<MtlsAuthority>>, Error> {
        let namespace = &*self.context.namespace;
        let name = authority.metadata.name.as_deref().unwrap_or_default();
        match authority.claimed_by() {
            Some(holder) if holder == namespace => Ok(Some(authority.clone())),
            Some(holder) => {
                tracing::warn!(authority = name, holder, "another operator serves this authority");
                self.forget(name);
                self.context
                    .scheduler
                    .change(|scheduler| scheduler.yield_authority(name, self.context.millis()));
                Ok(None)
            }
            None => {
                let version = &authority.metadata.resource_version;
                let annotations = json!({ annotation::OPERATOR_NAMESPACE: namespace });
                let patch = json!({ "metadata": { "resourceVersion": version, "annotations": annotations } });
                let claimed = self.context.client.patch_authority(name, patch).await?;
                self.context.authorities.change_if(|authorities| authorities.apply_answer(claimed.clone()));
                Ok(Some(Arc::new(claimed)))
            }
        }
    }
}
