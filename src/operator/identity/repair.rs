//! What follows where others write a Secret too: a repair that is undone again and again waits, and status reports what was stored
//! otherwise than it was sent.
//!
//! A first certificate is no repair, and neither is a renewal over what this operator wrote.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::altered_write::altered;
use super::field_managers::last_other_writer;
use super::inputs::IdentityReconcile;
use super::observed::ObservedSecret;
use crate::api::identity::MtlsIdentityStatus;
use crate::operator::error::Error;
use crate::operator::events;
use crate::operator::index::time::Millis;
use crate::operator::scheduler::repair_backoff::Pause;
use crate::plan::identity::decide::{Decision, Plan};
use crate::plan::identity::spec::IdentitySpec;
use crate::plan::identity::world::{OwnedSecret, SecretState};

/// Whether a plan puts right what another writer has done since the Secret was written or verified last: a renewal over
/// what this operator left there is none, and neither is the first certificate.
#[must_use]
pub fn is_repair(status: Option<&MtlsIdentityStatus>, plan: &Plan, secret: &SecretState) -> bool {
    let Some(status) = status.filter(|status| status.revision.is_some()) else { return false };
    let verified = status.secret.as_ref().map(|secret| secret.resource_version.as_str());
    match (plan, secret) {
        (Plan::Keep, _) | (_, SecretState::Foreign(_)) => false,
        (_, SecretState::Held(held)) => verified != Some(held.version.as_str()),
        (_, SecretState::Absent) => true,
    }
}

impl IdentityReconcile<'_> {
    /// Whether another repair has to wait.
    pub(super) fn pause(&self) -> Option<Pause> {
        self.context.scheduler.lock().repair_pause(self.request.id, self.context.millis())
    }

    /// Another writer undoes each repair: the next one waits, and status and an Event say so.
    pub(super) async fn wait(
        &self,
        decision: Decision,
        found: &ObservedSecret,
        pause: &Pause,
    ) -> Result<(), Error> {
        let why = explain(self.spec, found, pause);
        let ready = decision.ready.with_note(&why);
        let decision = Decision { ready, ..decision };
        let mut status = self.status(&decision, found);
        if status.secret.is_some() {
            // What is there was not verified.
            status.secret = self.identity.status.as_ref().and_then(|status| status.secret.clone());
        }
        self.store(status, &decision.ready).await?;
        if pause.is_first {
            events::overwritten(self.context, self.identity, &why).await;
        }
        Ok(())
    }

    /// What of a sound Secret was stored otherwise than it was sent; as it was known before, where its metadata alone was
    /// enough.
    pub(super) fn altered(&self, found: &ObservedSecret) -> Option<Arc<str>> {
        let is_as_stored =
            |owned: &OwnedSecret| owned.carries_uid && owned.metadata_is_current && owned.leaf.is_ok();
        if !matches!(&found.state, SecretState::Held(owned) if is_as_stored(owned)) {
            return None;
        }
        let mut scheduler = self.context.scheduler.lock();
        if let Some(metadata) = &found.metadata {
            scheduler.set_altered(self.request.id, altered(self.spec, metadata).map(Arc::from));
        }
        scheduler.altered(self.request.id)
    }
}

/// Why a repair waits: what was done again and again, by which writer, until when it waits, and what ends it.
fn explain(spec: &IdentitySpec, found: &ObservedSecret, pause: &Pause) -> String {
    let secret = format!("Secret {}/{}", spec.namespace, spec.secret.name);
    let (count, since, until) = (pause.count, moment(pause.since), moment(pause.until));
    match &found.state {
        SecretState::Absent => format!(
            "{secret} was restored {count} times since {since} and is deleted each time; it is restored next at \
             {until}: find in the audit log of the API server what deletes it, and stop that"
        ),
        _ => format!(
            "{secret} was repaired {count} times since {since} and is changed each time, last by {}; it is repaired \
             next at {until}: stop that writer, or let it write to another Secret",
            writer(found.metadata.as_ref())
        ),
    }
}

fn writer(metadata: Option<&ObjectMeta>) -> String {
    let writer = metadata.and_then(last_other_writer);
    writer.map_or_else(
        || "a writer that metadata.managedFields does not name".to_owned(),
        |writer| writer.to_string(),
    )
}

/// Whole seconds, as people read them.
fn moment(millis: Millis) -> Timestamp {
    Timestamp::from_second(millis.div_euclid(1000)).unwrap_or_default()
}
