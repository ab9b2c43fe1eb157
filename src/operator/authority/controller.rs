//! Keeps every authority: claims it, keeps its root, publishes who signs, records how it stands. One at a time: there
//! are few, and none of this is urgent but once.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use tokio::sync::watch;

use super::activate::publish;
use super::early_warning::forewarn;
use super::next_reconcile::next_look;
use super::ready_log::ReadyLog;
use super::reconcile::{RootOutcome, pass_telling};
use super::status;
use super::summary::{Summary, patch_status};
use crate::api::MtlsAuthority;
use crate::api::authority::MtlsAuthorityStatus;
use crate::api::conditions::{PUBLISHED, READY, ROTATING, Verdict, find};
use crate::api::names::annotation;
use crate::operator::authority::rotation::status::{progress, rotating};
use crate::operator::context::Context;
use crate::operator::error::Error;
use crate::operator::events;
use crate::operator::issuers::{Issuer, Unready};
use crate::operator::metrics::MISSING;
use crate::operator::scheduler::requeue::Priority;
use crate::plan::authority::reason::AuthorityReason;
use crate::plan::authority::spec::AuthoritySpec;
use crate::runtime::leader::Leadership;

/// The clock may be set while the keeper sleeps: it wakes at least this often.
const LONGEST_SLEEP: Duration = Duration::from_secs(10);

/// The keeper.
pub struct AuthorityController {
    context: Context,
    leadership: Leadership,
    /// True once every authority that was listed has been looked at by this leader.
    primed: watch::Sender<bool>,
    tally: Summary,
    stances: ReadyLog,
    /// Whether the clock could be relied on when the authorities were looked at last.
    has_doubt: bool,
    /// What has happened to the roots of authorities, by their names, until people have been told.
    untold: HashMap<String, Vec<Told>>,
}

/// A change of the roots, and what people must hear of it.
type Told = (&'static str, Option<String>);

impl AuthorityController {
    /// A keeper of these authorities.
    #[must_use]
    pub fn new(context: Context, leadership: Leadership) -> Self {
        let (tally, stances, untold) = (Summary::default(), ReadyLog::default(), HashMap::new());
        let primed = watch::Sender::new(false);
        Self { context, leadership, primed, tally, stances, has_doubt: false, untold }
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
                self.heed_clock();
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
        self.tally = Summary::default();
        self.context.metrics.waiting(Priority::ALL.map(|class| (class, 0)), 0);
        let names = self.context.roster.lock().names();
        for name in names.iter().map(String::as_str).chain([MISSING]) {
            self.stances.forget(&self.context.metrics, name);
        }
    }

    async fn prime(&mut self) {
        self.look_at_all();
        self.look().await;
        self.primed.send_replace(true);
    }

    fn look_at_all(&self) {
        self.context.roster.change(|authorities| authorities.requeue_all_at(self.context.millis()));
    }

    /// Whether an authority signs, depends on the clock.
    fn heed_clock(&mut self) {
        let has_doubt = self.context.clock.doubt().is_some();
        if std::mem::replace(&mut self.has_doubt, has_doubt) != has_doubt {
            self.look_at_all();
        }
    }

    /// Until something changes, or time alone makes something need a look.
    async fn wait(&self) {
        let tally_at = self.tally.at().max(self.context.millis().saturating_add(1));
        let next = self.context.roster.lock().earliest().map_or(tally_at, |due| due.min(tally_at));
        let next = Timestamp::from_millisecond(next).unwrap_or(Timestamp::MAX);
        tokio::select! {
            () = self.context.roster.changed() => {}
            () = self.context.clock.sleep_until(next, LONGEST_SLEEP) => {}
        }
    }

    fn next_due(&self) -> Option<Arc<MtlsAuthority>> {
        self.context.roster.lock().next_due(self.context.millis())
    }

    async fn look(&mut self) {
        while let Some(authority) = self.next_due() {
            let name = authority.metadata.name.clone().unwrap_or_default();
            match self.keep(&authority).await {
                Ok(next) => self.context.roster.lock().succeeded(&name, next),
                Err(error) => self.failed(&name, &error).await,
            }
        }
        let names = self.context.roster.lock().names();
        for name in self.context.authorities.names().iter().filter(|name| !names.contains(name)) {
            tracing::warn!(authority = name, "an authority is gone: nobody renews its identities");
            self.context.authorities.remove(name);
            self.untold.remove(name);
            self.stances.gone(&self.context.metrics, name);
        }
    }

    async fn failed(&mut self, name: &str, error: &Error) {
        tracing::warn!(authority = name, %error, "could not keep an authority, will try again");
        self.context.metrics.failed(error);
        self.context.roster.lock().failed(name, self.context.millis());
        if let Some(why) = error.explanation() {
            self.explain(name, &why).await;
        }
        if matches!(error, Error::Stale { .. }) {
            self.ask_again(name).await;
        }
    }

    /// The authority itself may be what is stale, or gone.
    async fn ask_again(&self, name: &str) {
        let Some(stale) = self.context.roster.lock().get(name) else { return };
        let Ok(found) = self.context.requests.read::<MtlsAuthority>(None, name).await else { return };
        if self.context.roster.change(|authorities| authorities.apply_reread(&stale, found)) {
            self.context.board.change(|board| board.lost_authority(name, self.context.millis()));
        }
    }

    /// An authority that does not sign says what keeps it from being set up.
    async fn explain(&mut self, name: &str, why: &str) {
        let Some(authority) = self.context.roster.lock().get(name) else { return };
        let before = authority.status.clone().unwrap_or_default();
        if find(&before.conditions, READY).is_some_and(|condition| condition.status == "True") {
            return;
        }
        let verdict = Verdict {
            ready: false,
            stalled: false,
            reason: AuthorityReason::RootInvalid.as_str(),
            message: format!("the root cannot be set up, and is tried again: {why}"),
        };
        if let Err(error) = self.write(&authority, &verdict, before).await {
            tracing::debug!(authority = name, %error, "the failure was not recorded");
        }
    }

    /// Returns when time alone makes the authority need another look, in milliseconds since 1970.
    async fn keep(&mut self, authority: &Arc<MtlsAuthority>) -> Result<Option<i64>, Error> {
        let Some(authority) = self.claim(authority).await? else { return Ok(None) };
        let terms = match AuthoritySpec::parse(&authority) {
            Ok(terms) => Arc::new(terms),
            Err(malformed) => return self.refuse(&authority, &malformed.to_string()).await,
        };
        if self.context.authorities.get(&terms.name).is_none() {
            let signer = Err(Unready::Pending);
            self.context.authorities.put(Issuer { terms: terms.clone(), signer, next: None });
        }
        let untold = self.untold.entry(terms.name.clone()).or_default();
        let mut passed = pass_telling(&self.context, &authority, &terms, untold).await?;
        let error = passed.error.take();
        self.tally.remember(&terms, &passed);
        let next = next_look(&passed, &terms, self.context.millis());
        // Status names a signer before it signs its first leaf: that is what makes a later loss provable.
        let recorded = self.record(&authority, &terms, &passed).await;
        if recorded.is_err() && !status::names_signer(&authority, &passed) {
            return recorded.map(|()| None);
        }
        let phase = passed.root().map(|root| root.phase);
        self.context.metrics.rotation_phase(&terms.name, phase);
        publish(&self.context, &authority, terms, passed);
        // What cannot be done must not keep new terms from being in force.
        error.map_or(recorded, Err).map(|()| Some(next))
    }

    /// One operator a cluster serves an authority: the first to write its namespace there.
    async fn claim(&mut self, authority: &Arc<MtlsAuthority>) -> Result<Option<Arc<MtlsAuthority>>, Error> {
        let namespace = &*self.context.namespace;
        match authority.claimed_by() {
            Some(holder) if holder == namespace => Ok(Some(authority.clone())),
            Some(holder) => {
                let name = authority.metadata.name.as_deref().unwrap_or_default();
                tracing::warn!(authority = name, holder, "another operator serves this authority");
                self.context.authorities.remove(name);
                self.stances.gone(&self.context.metrics, name);
                self.context.board.change(|board| board.yielded_authority(name, self.context.millis()));
                Ok(None)
            }
            None => {
                let version = &authority.metadata.resource_version;
                let annotations = json!({ annotation::OPERATOR_NAMESPACE: namespace });
                let patch = json!({ "metadata": { "resourceVersion": version, "annotations": annotations } });
                let name = authority.metadata.name.as_deref().unwrap_or_default();
                let claimed = self.context.requests.patch_authority(name, patch).await?;
                self.context.roster.change_if(|authorities| authorities.apply_answer(claimed.clone()));
                Ok(Some(Arc::new(claimed)))
            }
        }
    }

    /// An object without whose spec nothing can be decided. Who signs stays as it is.
    async fn refuse(&mut self, authority: &MtlsAuthority, why: &str) -> Result<Option<i64>, Error> {
        let verdict = Verdict {
            ready: false,
            stalled: true,
            reason: AuthorityReason::Invalid.as_str(),
            message: why.to_owned(),
        };
        let before = authority.status.clone().unwrap_or_default();
        self.write(authority, &verdict, before).await.map(|()| None)
    }

    async fn record(
        &mut self,
        authority: &MtlsAuthority,
        terms: &AuthoritySpec,
        passed: &RootOutcome,
    ) -> Result<(), Error> {
        let now = self.context.clock.now();
        let mut after = status::after(authority, passed);
        let sentence = progress(passed, terms);
        let rotating = rotating(&after, passed.course, &sentence, now);
        after.conditions.push(rotating);
        let verdict = status::verdict(passed, &terms.name, &after);
        self.write(authority, &verdict, after).await?;
        forewarn(&self.context, authority, &passed.decision).await;
        for (change, alarm) in self.untold.remove(&terms.name).unwrap_or_default() {
            match alarm {
                Some(alarm) => events::disruption(&self.context, authority, change, &alarm).await,
                None => events::inform(&self.context, authority, change, &sentence).await,
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
        patch_status(&self.context, authority, status).await?;
        if verdict.stalled && reason.as_deref() != Some(verdict.reason) {
            events::warn(&self.context, authority, verdict).await;
        }
        Ok(())
    }
}
