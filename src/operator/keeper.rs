//! Keeps every authority: claims it, keeps its root, publishes who signs, records how it stands. One at a time: there
//! are few, and none of this is urgent but once.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::json;
use tokio::sync::watch;

use super::authorities::{Service, Unready};
use super::census::{Census, by_reason, census};
use super::context::Context;
use super::entry::digest;
use super::error::Error;
use super::root::{Passed, pass, publish};
use super::schedule::Millis;
use super::{events, status};
use crate::api::MtlsAuthority;
use crate::api::authority::{IdentityCounts, MtlsAuthorityStatus, Phase, RootRole, RootStatus};
use crate::api::conditions::{READY, Verdict, find};
use crate::api::names::annotation;
use crate::plan::root::Reason;
use crate::plan::terms::Terms;
use crate::runtime::leader::Leadership;

/// Counts are recorded at most this often.
const TALLY_EVERY: Millis = 10 * 1000;
/// The clock may be set while the keeper sleeps: it wakes at least this often.
const LONGEST_SLEEP: Duration = Duration::from_secs(10);
/// An authority is looked at this often though nothing seems to have changed.
const LOOK_EVERY: Millis = 10 * 60 * 1000;

/// The keeper.
pub struct Keeper {
    context: Context,
    leadership: Leadership,
    /// True once every authority that was listed has been looked at by this leader.
    primed: watch::Sender<bool>,
    /// Revision of the board whose counts are recorded, and when the next may be.
    tallied: u64,
    tally_at: Millis,
}

impl Keeper {
    /// A keeper of these authorities.
    #[must_use]
    pub fn new(context: Context, leadership: Leadership) -> Self {
        Self { context, leadership, primed: watch::Sender::new(false), tallied: u64::MAX, tally_at: 0 }
    }

    /// Whether every authority that was listed has been looked at by this leader.
    #[must_use]
    pub fn primed(&self) -> watch::Receiver<bool> {
        self.primed.subscribe()
    }

    /// Keeps, as long as this replica leads; waits otherwise. Ends never.
    pub async fn run(mut self) {
        loop {
            self.leadership.until_leader().await;
            self.prime().await;
            while self.leadership.is_leader() {
                self.look().await;
                self.tally().await;
                self.wait().await;
            }
            self.primed.send_replace(false);
        }
    }

    async fn prime(&mut self) {
        let now = self.context.millis();
        self.context.roster.names().iter().for_each(|name| self.context.roster.look_at(name, now));
        self.look().await;
        self.primed.send_replace(true);
    }

    /// Until something changes, or time alone makes something need a look.
    async fn wait(&self) {
        let tally_at = self.tally_at.max(self.context.millis().saturating_add(1));
        let next = self.context.roster.earliest().map_or(tally_at, |due| due.min(tally_at));
        let next = Timestamp::from_millisecond(next).unwrap_or(Timestamp::MAX);
        tokio::select! {
            () = self.context.roster.changed() => {}
            () = self.context.clock.sleep_until(next, LONGEST_SLEEP) => {}
        }
    }

    async fn look(&mut self) {
        while let Some(authority) = self.context.roster.take(self.context.millis()) {
            let name = authority.metadata.name.clone().unwrap_or_default();
            match self.keep(&authority).await {
                Ok(next) => self.context.roster.settled(&name, next),
                Err(error) => self.failed(&name, &error).await,
            }
        }
        let names = self.context.roster.names();
        for name in self.context.authorities.names().iter().filter(|name| !names.contains(name)) {
            self.context.authorities.remove(name);
        }
    }

    async fn failed(&self, name: &str, error: &Error) {
        tracing::warn!(authority = name, %error, "could not keep an authority, will try again");
        self.context.metrics.failed(error);
        self.context.roster.failed(name, self.context.millis());
        if let Some(why) = error.explanation() {
            self.explain(name, &why).await;
        }
        // The authority itself may be what is stale.
        if matches!(error, Error::Stale { .. })
            && let Ok(Some(authority)) = self.context.requests.get::<MtlsAuthority>(None, name).await
        {
            self.context.roster.saw(authority);
        }
    }

    /// An authority that does not sign says what keeps it from being set up.
    async fn explain(&self, name: &str, why: &str) {
        let Some(authority) = self.context.roster.get(name) else { return };
        let before = authority.status.clone().unwrap_or_default();
        if find(&before.conditions, READY).is_some_and(|condition| condition.status == "True") {
            return;
        }
        let verdict = Verdict {
            ready: false,
            stalled: false,
            reason: Reason::RootInvalid.as_str(),
            message: format!("the root cannot be set up, and is tried again: {why}"),
        };
        if let Err(error) = self.write(&authority, &verdict, before).await {
            tracing::debug!(authority = name, %error, "the failure was not recorded");
        }
    }

    /// Returns when time alone makes the authority need another look, in milliseconds since 1970.
    async fn keep(&self, authority: &Arc<MtlsAuthority>) -> Result<Option<i64>, Error> {
        let Some(authority) = self.claim(authority).await? else { return Ok(None) };
        let terms = match Terms::parse(&authority) {
            Ok(terms) => Arc::new(terms),
            Err(malformed) => return self.refuse(&authority, &malformed.to_string()).await,
        };
        if self.context.authorities.get(&terms.name).is_none() {
            self.context.authorities.put(Service { terms: terms.clone(), signer: Err(Unready::Pending) });
        }
        let passed = pass(&self.context, &authority, &terms).await?;
        let signing = passed.loaded.authority.as_ref().filter(|_| passed.decision.signs);
        let end = signing.map(|ca| ca.window().not_after.as_millisecond().saturating_add(1000));
        // Status names a signer before it signs its first leaf: that is what makes a later loss provable.
        self.record(&authority, &passed).await?;
        publish(&self.context, &authority, terms, passed);
        let next = self.context.millis().saturating_add(LOOK_EVERY);
        Ok(Some(end.map_or(next, |end| end.min(next))))
    }

    /// One operator a cluster serves an authority: the first to write its namespace there.
    async fn claim(&self, authority: &Arc<MtlsAuthority>) -> Result<Option<Arc<MtlsAuthority>>, Error> {
        let namespace = &*self.context.namespace;
        match claimed_by(authority) {
            Some(holder) if holder == namespace => Ok(Some(authority.clone())),
            Some(holder) => {
                let name = authority.metadata.name.as_deref().unwrap_or_default();
                tracing::warn!(authority = name, holder, "another operator serves this authority");
                self.context.authorities.remove(name);
                self.context.board.change(|board| board.yielded_authority(name, self.context.millis()));
                Ok(None)
            }
            None => {
                let version = &authority.metadata.resource_version;
                let annotations = json!({ annotation::OPERATOR_NAMESPACE: namespace });
                let patch = json!({ "metadata": { "resourceVersion": version, "annotations": annotations } });
                let name = authority.metadata.name.as_deref().unwrap_or_default();
                let claimed = self.context.requests.patch_authority(name, patch).await?;
                self.context.roster.saw(claimed.clone());
                Ok(Some(Arc::new(claimed)))
            }
        }
    }

    /// An object older than its schema.
    async fn refuse(&self, authority: &MtlsAuthority, why: &str) -> Result<Option<i64>, Error> {
        let verdict = Verdict {
            ready: false,
            stalled: true,
            reason: Reason::RootInvalid.as_str(),
            message: why.to_owned(),
        };
        let before = authority.status.clone().unwrap_or_default();
        self.write(authority, &verdict, before).await.map(|()| None)
    }

    async fn record(&self, authority: &MtlsAuthority, passed: &Passed) -> Result<(), Error> {
        let before = authority.status.clone().unwrap_or_default();
        let after = MtlsAuthorityStatus {
            phase: Some(Phase::Stable),
            since: passed.loaded.since.map(Time).or(before.since.clone()),
            // The root that is lost stays named: it is the evidence.
            roots: roots(passed, &before.roots).unwrap_or_else(|| before.roots.clone()),
            identities: before.identities.clone().or_else(|| Some(IdentityCounts::default())),
            ..before
        };
        self.write(authority, &passed.decision.verdict(), after).await
    }

    async fn write(
        &self,
        authority: &MtlsAuthority,
        verdict: &Verdict,
        status: MtlsAuthorityStatus,
    ) -> Result<(), Error> {
        let generation = authority.metadata.generation;
        let before = authority.status.as_ref().map_or(&[][..], |status| &status.conditions);
        let reason = find(before, READY).map(|condition| condition.reason.clone());
        let conditions = verdict.conditions(before, generation, self.context.clock.now());
        let status = MtlsAuthorityStatus { observed_generation: generation, conditions, ..status };
        self.patch(authority, &status).await?;
        if verdict.stalled && reason.as_deref() != Some(verdict.reason) {
            events::warn(&self.context, authority, verdict).await;
        }
        Ok(())
    }

    async fn patch(&self, authority: &MtlsAuthority, after: &MtlsAuthorityStatus) -> Result<(), Error> {
        let version = authority.metadata.resource_version.as_deref();
        let Some(patch) = status::patch(version, authority.status.as_ref(), after) else { return Ok(()) };
        let name = authority.metadata.name.as_deref().unwrap_or_default();
        let written = self.context.requests.patch_authority_status(name, patch).await?;
        self.context.roster.saw(written);
        Ok(())
    }

    /// Brings the counts of every authority up to date, if anything that is counted has changed.
    async fn tally(&mut self) {
        let (now, revision) = (self.context.millis(), self.context.board.lock().revision());
        // A clock that was set back must not silence the counts until it has caught up.
        let is_early = now < self.tally_at && self.tally_at - now <= TALLY_EVERY;
        if is_early {
            return;
        }
        self.tally_at = now.saturating_add(TALLY_EVERY);
        if revision == self.tallied {
            return;
        }
        self.tallied = revision;
        for name in self.context.authorities.names() {
            if let Err(error) = self.tally_one(&name).await {
                tracing::debug!(authority = name, %error, "counts were not recorded");
                self.tallied = u64::MAX;
            }
        }
    }

    async fn tally_one(&self, name: &str) -> Result<(), Error> {
        let Some(authority) = self.context.roster.get(name) else { return Ok(()) };
        let census = census(&self.context.board.lock(), name, self.context.clock.now().as_second());
        for (reason, count) in by_reason(&census.counts) {
            self.context.metrics.identities(name, reason.as_str(), count);
        }
        let Some(before) = authority.status.clone() else { return Ok(()) };
        let roots = before
            .roots
            .iter()
            .map(|root| RootStatus { leaves: leaves(&census, &root.key_id), ..root.clone() });
        let after = MtlsAuthorityStatus {
            identities: Some(census.counts.clone()),
            roots: roots.collect(),
            ..before.clone()
        };
        self.patch(&authority, &after).await
    }
}

/// Namespace of the operator that serves an authority.
#[must_use]
pub fn claimed_by(authority: &MtlsAuthority) -> Option<&str> {
    authority.metadata.annotations.as_ref()?.get(annotation::OPERATOR_NAMESPACE).map(String::as_str)
}

/// The roots that sign and are trusted; `None` while nothing signs. Leaves are counted by the tally.
fn roots(passed: &Passed, before: &[RootStatus]) -> Option<Vec<RootStatus>> {
    let ca = passed.loaded.authority.as_ref().filter(|_| passed.decision.signs)?;
    let key_id = ca.key_id().to_string();
    Some(vec![RootStatus {
        fingerprint: ca.fingerprint().to_string(),
        role: RootRole::Signing,
        not_before: Time(ca.window().not_before),
        not_after: Time(ca.window().not_after),
        leaves: before.iter().find(|root| root.key_id == key_id).map_or(0, |root| root.leaves),
        key_id,
    }])
}

fn leaves(census: &Census, key_id: &str) -> i64 {
    census.leaves.get(&digest(key_id)).copied().unwrap_or(0)
}
