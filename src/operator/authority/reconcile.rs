//! One reconcile of the root of an authority: observe, decide, confirm, act, until nothing remains to be done.
//!
//! Each round either changes the root Secret, over the version that was observed, or ends.

use super::inputs::AuthorityReconcile;
use super::observe::ObservedRoot;
use super::outcome::{Applied, RootOutcome};
use super::root_writes::Written;
use super::rotation::confirmation::{Blocked, confirm};
use crate::operator::error::Error;
use crate::plan::authority::decide::decide;
use crate::plan::authority::decision::{RootDecision, RootPlan};
use crate::plan::authority::progress::{deferred, progress};
use crate::plan::authority::transition::Transition;
use crate::plan::authority::warning::disruption_warning;

/// Most rounds of one reconcile: a root is made, then its evidence key and its limits are recorded, and one round finds nothing
/// to do.
const MAX_ROUNDS: usize = 4;

impl AuthorityReconcile<'_> {
    /// Reconciles the root until nothing remains to be done to its Secret.
    ///
    /// # Errors
    /// [`Error`]: transient, to be tried again. Changes that were made are in `applied` nevertheless.
    pub async fn run(&mut self) -> Result<RootOutcome, Error> {
        for _ in 0..MAX_ROUNDS {
            if let Some(outcome) = self.round().await? {
                return Ok(outcome);
            }
        }
        Err(Error::Stale { what: format!("root Secret of MtlsAuthority {}", self.spec.name) })
    }

    /// One round; `None` where another one has to follow.
    async fn round(&mut self) -> Result<Option<RootOutcome>, Error> {
        let observed = self.observe().await?;
        let decision = decide(&observed.world);
        let blocked = self.confirmed(&decision, &observed).await.err();
        if decision.plan == RootPlan::Keep || blocked.is_some() {
            return Ok(Some(self.outcome(decision, observed, blocked)));
        }
        match self.act(&decision.plan, &observed).await {
            Ok(Written::Yes) => {
                self.record_applied(&decision, &observed);
                Ok(None)
            }
            Ok(Written::No) => Ok(None),
            Ok(Written::Unreadable(why)) => {
                let plan = decision.plan.as_str();
                tracing::error!(
                    authority = self.spec.name,
                    plan,
                    why,
                    "the change of the root Secret was not written: it could not be read back"
                );
                let decision = decision.refused(&observed.world.secret_name, &why);
                Ok(Some(self.outcome(decision, observed, None)))
            }
            // The root that signs goes on as it is.
            Err(error) if decision.signs && matches!(decision.plan, RootPlan::Change(_)) => {
                let blocked = Blocked { blockers: observed.blockers.clone(), error: Some(error) };
                Ok(Some(self.outcome(decision, observed, Some(blocked))))
            }
            Err(error) => Err(error),
        }
    }

    /// What rests on the index is confirmed by a fresh list before it is done.
    async fn confirmed(&mut self, decision: &RootDecision, observed: &ObservedRoot) -> Result<(), Blocked> {
        match &decision.plan {
            RootPlan::Change(transition) if rests_on_distribution(transition, observed) => {
                let (consumers, spec) = (self.consumers, self.spec);
                confirm(consumers, spec, &observed.loaded, &observed.blockers, self.quiet_period).await
            }
            _ => Ok(()),
        }
    }

    fn record_applied(&mut self, decision: &RootDecision, observed: &ObservedRoot) {
        if !decision.plan.changes_roots() {
            return;
        }
        let transition = decision.plan.as_str();
        let warning = disruption_warning(&observed.world, decision, &self.spec.name);
        self.applied.push(Applied { transition, warning });
        self.context.metrics.changed_roots(&self.spec.name, transition);
    }

    /// What holds where nothing more is done to the root Secret.
    fn outcome(
        &self,
        decision: RootDecision,
        observed: ObservedRoot,
        blocked: Option<Blocked>,
    ) -> RootOutcome {
        let progress = progress(&observed.world, &decision);
        let deferred = observed.world.secret.held().and_then(|root| deferred(root, &observed.world.inputs));
        let ObservedRoot { loaded, blockers, read_at, .. } = observed;
        let Blocked { blockers, error } = blocked.unwrap_or(Blocked { blockers, error: None });
        let served = loaded.held().and_then(|ca| ca.exclude_request.as_deref());
        let is_exclusion_spent = self.requests.is_exclusion_spent(served);
        RootOutcome { decision, loaded, blockers, progress, deferred, is_exclusion_spent, read_at, error }
    }
}

fn rests_on_distribution(transition: &Transition, observed: &ObservedRoot) -> bool {
    let safeguards = observed.world.inputs.rules.safeguards;
    observed.world.secret.held().is_some_and(|root| transition.rests_on_distribution(root, safeguards))
}
