//! Records the outcome of a reconcile of an authority: status, Events, log and metrics.
//!
//! Each is written only where it differs from what was recorded before; a restart repeats nothing.

use super::early_warning::warn_early;
use super::outcome::{Applied, RootOutcome};
use super::rotating::{rotating_condition, rotating_message};
use super::state::AuthorityState;
use super::status;
use crate::api::MtlsAuthority;
use crate::api::authority::MtlsAuthorityStatus;
use crate::api::conditions::{PUBLISHED, READY, ROTATING, Ready, find, put_in_order};
use crate::operator::client::merge_patch::status_patch;
use crate::operator::context::Context;
use crate::operator::error::Error;
use crate::operator::events;
use crate::plan::authority::reason::AuthorityReason;
use crate::plan::authority::spec::AuthoritySpec;

/// Records of one authority.
pub struct StatusWriter<'a> {
    context: &'a Context,
    authority: &'a MtlsAuthority,
    state: &'a mut AuthorityState,
}

impl<'a> StatusWriter<'a> {
    /// Records of this authority.
    #[must_use]
    pub fn new(context: &'a Context, authority: &'a MtlsAuthority, state: &'a mut AuthorityState) -> Self {
        Self { context, authority, state }
    }

    /// Records an outcome, and reports the changes of roots.
    ///
    /// # Errors
    /// [`Error`] where status is not written.
    pub async fn record_outcome(&mut self, spec: &AuthoritySpec, outcome: &RootOutcome) -> Result<(), Error> {
        let (context, authority) = (self.context, self.authority);
        let mut after = status::after(authority, outcome);
        let message = rotating_message(outcome, spec);
        let rotating = rotating_condition(&after, outcome.progress, &message, context.clock.now());
        after.conditions.push(rotating);
        let ready = status::ready(outcome, &spec.name, &after);
        self.write(&ready, after).await?;
        warn_early(context, authority, &outcome.decision).await;
        for Applied { transition, warning } in std::mem::take(&mut self.state.unreported) {
            match warning {
                Some(warning) => events::disruption(context, authority, transition, &warning).await,
                None => events::inform(context, authority, transition, &message).await,
            }
        }
        Ok(())
    }

    /// Records that nothing can be decided, because the spec cannot be parsed. What signs stays as it is.
    ///
    /// # Errors
    /// [`Error`] where status is not written.
    pub async fn record_invalid(&mut self, why: &str) -> Result<(), Error> {
        let reason = AuthorityReason::Invalid;
        let ready = Ready { ready: false, stalled: true, reason, message: why.to_owned() };
        self.write(&ready, self.authority.status.clone().unwrap_or_default()).await
    }

    /// Records what keeps an authority that is not ready from being set up.
    pub async fn record_failure(&mut self, why: &str) {
        let before = self.authority.status.clone().unwrap_or_default();
        if find(&before.conditions, READY).is_some_and(|condition| condition.status == "True") {
            return;
        }
        let ready = Ready {
            ready: false,
            stalled: false,
            reason: AuthorityReason::RootInvalid,
            message: format!("the root cannot be set up, and is tried again: {why}"),
        };
        if let Err(error) = self.write(&ready, before).await {
            tracing::debug!(authority = self.name(), %error, "the failure was not recorded");
        }
    }

    /// Writes a status with these conditions, if it differs; of the conditions that it has, `Rotating` and `Published` stay.
    async fn write(
        &mut self,
        ready: &Ready<AuthorityReason>,
        status: MtlsAuthorityStatus,
    ) -> Result<(), Error> {
        self.log_ready(ready);
        let (context, authority) = (self.context, self.authority);
        let generation = authority.metadata.generation;
        let before = authority.status.as_ref().map_or(&[][..], |status| &status.conditions);
        let reason = find(before, READY).map(|condition| condition.reason.clone());
        let mut conditions = ready.conditions(before, generation, context.clock.now());
        let stays = |type_| status.conditions.iter().rfind(|condition| condition.type_ == type_).cloned();
        conditions.extend([ROTATING, PUBLISHED].into_iter().filter_map(stays));
        let status = MtlsAuthorityStatus { observed_generation: generation, conditions, ..status };
        patch_status(context, authority, status).await?;
        if ready.stalled && reason.as_deref() != Some(ready.reason.as_str()) {
            events::warn(context, authority, ready.reason.as_str(), &ready.message).await;
        }
        Ok(())
    }

    /// Sets the metric, and logs a reason that has changed.
    fn log_ready(&mut self, ready: &Ready<AuthorityReason>) {
        let (authority, why) = (self.name(), &ready.message);
        let reason = ready.reason.as_str();
        self.context.metrics.authority_ready(authority, reason);
        match self.state.logged_reason.replace(reason) {
            Some(before) if before == reason => {}
            _ if ready.stalled || !ready.ready => {
                tracing::warn!(authority, reason, why, "an authority is not ready, or needs manual action");
            }
            Some(before) => {
                tracing::info!(authority, reason, before, why, "an authority is ready again");
            }
            // A process that starts has seen no change.
            None => {}
        }
    }

    fn name(&self) -> &'a str {
        self.authority.metadata.name.as_deref().unwrap_or_default()
    }
}

/// Writes the status of an authority, if it differs.
///
/// # Errors
/// [`Error`]; nothing was written then, unless the response was lost.
pub async fn patch_status(
    context: &Context,
    authority: &MtlsAuthority,
    mut after: MtlsAuthorityStatus,
) -> Result<(), Error> {
    put_in_order(&mut after.conditions);
    let version = authority.metadata.resource_version.as_deref();
    let Some(patch) = status_patch(version, authority.status.as_ref(), &after) else { return Ok(()) };
    let name = authority.metadata.name.as_deref().unwrap_or_default();
    let written = context.client.patch_authority_status(name, patch).await?;
    context.authorities.change_if(|authorities| authorities.apply_answer(written));
    Ok(())
}
