//! Keeps every authority: claims it, keeps its root, publishes who signs, records how it stands. One at a time: there
//! are few, and none of this is urgent but once.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use tokio::sync::watch;

use super::authorities::{Service, Unready};
use super::authority_status;
use super::context::Context;
use super::error::Error;
use super::events;
use super::forewarning::forewarn;
use super::metrics::MISSING;
use super::publish::publish;
use super::root::{Passed, pass};
use super::root_secret::LoadedRoot;
use super::schedule::Millis;
use super::stances::Stances;
use super::tally::{Tally, patch_status};
use crate::api::MtlsAuthority;
use crate::api::authority::{MtlsAuthorityStatus, Phase};
use crate::api::conditions::{PUBLISHED, READY, ROTATING, Verdict, find};
use crate::api::names::annotation;
use crate::plan::ending::told_from;
use crate::plan::root::Reason;
use crate::plan::terms::Terms;
use crate::runtime::leader::Leadership;

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
    tally: Tally,
    stances: Stances,
}

impl Keeper {
    /// A keeper of these authorities.
    #[must_use]
    pub fn new(context: Context, leadership: Leadership) -> Self {
        let (tally, stances) = (Tally::default(), Stances::default());
        Self { context, leadership, primed: watch::Sender::new(false), tally, stances }
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
                self.tally.take(&self.context).await;
                self.wait().await;
            }
            self.primed.send_replace(false);
            self.resign();
        }
    }

    /// What another replica leads has no figures here.
    fn resign(&mut self) {
        self.tally = Tally::default();
        for name in self.context.roster.names().iter().map(String::as_str).chain([MISSING]) {
            self.stances.forget(&self.context.metrics, name);
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
        let tally_at = self.tally.at().max(self.context.millis().saturating_add(1));
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
            tracing::warn!(authority = name, "an authority is gone: nobody renews its identities");
            self.context.authorities.remove(name);
            self.stances.forget(&self.context.metrics, name);
        }
    }

    async fn failed(&mut self, name: &str, error: &Error) {
        tracing::warn!(authority = name, %error, "could not keep an authority, will try again");
        self.context.metrics.failed(error);
        self.context.roster.failed(name, self.context.millis());
        if let Some(why) = error.explanation() {
            self.explain(name, &why).await;
        }
        // The authority itself may be what is stale.
        if matches!(error, Error::Stale { .. })
            && let Ok(Some(authority)) = self.context.requests.read::<MtlsAuthority>(None, name).await
        {
            self.context.roster.saw(authority);
        }
    }

    /// An authority that does not sign says what keeps it from being set up.
    async fn explain(&mut self, name: &str, why: &str) {
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
    async fn keep(&mut self, authority: &Arc<MtlsAuthority>) -> Result<Option<i64>, Error> {
        let Some(authority) = self.claim(authority).await? else { return Ok(None) };
        let terms = match Terms::parse(&authority) {
            Ok(terms) => Arc::new(terms),
            Err(malformed) => return self.refuse(&authority, &malformed.to_string()).await,
        };
        if self.context.authorities.get(&terms.name).is_none() {
            let signer = Err(Unready::Pending);
            self.context.authorities.put(Service { terms: terms.clone(), signer, next: None });
        }
        let passed = pass(&self.context, &authority, &terms).await?;
        self.tally.remember(&terms, &passed);
        let next = next_look(&passed, &terms, self.context.millis());
        // Status names a signer before it signs its first leaf: that is what makes a later loss provable.
        self.record(&authority, &terms, &passed).await?;
        let phase = passed.root().map(|root| root.phase);
        self.context.metrics.rotation_phase(&terms.name, phase);
        publish(&self.context, &authority, terms, passed);
        Ok(Some(next))
    }

    /// One operator a cluster serves an authority: the first to write its namespace there.
    async fn claim(&mut self, authority: &Arc<MtlsAuthority>) -> Result<Option<Arc<MtlsAuthority>>, Error> {
        let namespace = &*self.context.namespace;
        match claimed_by(authority) {
            Some(holder) if holder == namespace => Ok(Some(authority.clone())),
            Some(holder) => {
                let name = authority.metadata.name.as_deref().unwrap_or_default();
                tracing::warn!(authority = name, holder, "another operator serves this authority");
                self.context.authorities.remove(name);
                self.stances.forget(&self.context.metrics, name);
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

    /// An object without whose spec nothing can be decided. Who signs stays as it is.
    async fn refuse(&mut self, authority: &MtlsAuthority, why: &str) -> Result<Option<i64>, Error> {
        let verdict = Verdict {
            ready: false,
            stalled: true,
            reason: Reason::Invalid.as_str(),
            message: why.to_owned(),
        };
        let before = authority.status.clone().unwrap_or_default();
        self.write(authority, &verdict, before).await.map(|()| None)
    }

    async fn record(
        &mut self,
        authority: &MtlsAuthority,
        terms: &Terms,
        passed: &Passed,
    ) -> Result<(), Error> {
        let now = self.context.clock.now();
        let mut after = authority_status::after(authority, passed);
        let progress = authority_status::progress(passed, terms);
        let rotating = authority_status::rotating(&after, passed.course, &progress, now);
        after.conditions.push(rotating);
        self.write(authority, &passed.decision.verdict(), after).await?;
        forewarn(&self.context, authority, &passed.decision).await;
        for (change, alarm) in &passed.changes {
            match alarm {
                Some(alarm) => events::alarm(&self.context, authority, change, alarm).await,
                None => events::tell(&self.context, authority, change, &progress).await,
            }
        }
        Ok(())
    }

    /// Writes a status with this verdict, if it differs; of the conditions that it has, `Rotating` and `Published` stay.
    async fn write(
        &mut self,
        authority: &MtlsAuthority,
        verdict: &Verdict,
        status: MtlsAuthorityStatus,
    ) -> Result<(), Error> {
        let name = authority.metadata.name.as_deref().unwrap_or_default();
        self.stances.saw(&self.context.metrics, name, verdict);
        let generation = authority.metadata.generation;
        let before = authority.status.as_ref().map_or(&[][..], |status| &status.conditions);
        let reason = find(before, READY).map(|condition| condition.reason.clone());
        let mut conditions = verdict.conditions(before, generation, self.context.clock.now());
        let stays = |type_| status.conditions.iter().rfind(|condition| condition.type_ == type_).cloned();
        conditions.extend([ROTATING, PUBLISHED].into_iter().filter_map(stays));
        let status = MtlsAuthorityStatus { observed_generation: generation, conditions, ..status };
        patch_status(&self.context, authority, &status).await?;
        if verdict.stalled && reason.as_deref() != Some(verdict.reason) {
            events::warn(&self.context, authority, verdict).await;
        }
        Ok(())
    }
}

/// How often an authority is looked at though nothing seems to have changed: in a rotation, often enough that the end
/// of a wait is noticed.
fn look_every(loaded: &LoadedRoot, terms: &Terms) -> Millis {
    match loaded.stored().map(|root| root.phase) {
        None | Some(Phase::Stable) => LOOK_EVERY,
        Some(Phase::Announced | Phase::Draining) => {
            let part = i64::try_from(terms.propagation.as_millis() / 20).unwrap_or(LOOK_EVERY);
            part.clamp(1000, LOOK_EVERY)
        }
    }
}

/// When time alone makes an authority need a look: its signer ends, another root is due, or people have to be told.
fn next_look(passed: &Passed, terms: &Terms, now: Millis) -> Millis {
    let regular = now.saturating_add(look_every(&passed.loaded, terms));
    let Some(root) = passed.loaded.stored().filter(|_| passed.decision.signs) else { return regular };
    let end = root.window.not_after.as_millisecond();
    let due = if root.is_provided {
        told_from(root, terms.propagation, terms.max_leaf_ttl).as_millisecond()
    } else {
        end.saturating_sub(i64::try_from(terms.root_renew_before.as_millis()).unwrap_or(0))
    };
    let moments = [regular, end.saturating_add(1000), if due > now { due } else { regular }];
    moments.into_iter().min().unwrap_or(regular)
}

/// Namespace of the operator that serves an authority.
#[must_use]
pub fn claimed_by(authority: &MtlsAuthority) -> Option<&str> {
    authority.metadata.annotations.as_ref()?.get(annotation::OPERATOR_NAMESPACE).map(String::as_str)
}
