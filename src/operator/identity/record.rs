//! Records the outcome of a pass: in status, and by an Event where `Ready` changed.
//!
//! Nothing is written where status already says it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value, json};

use super::inputs::IdentityReconcile;
use super::observed::ObservedSecret;
use super::status;
use crate::api::identity::{MtlsIdentity, MtlsIdentityStatus};
use crate::operator::client::merge_patch::status_patch;
use crate::operator::context::Context;
use crate::operator::error::Error;
use crate::operator::events;
use crate::operator::index::identity::ParsedIdentity;
use crate::operator::status_proof::{names_unknown_signer, proven};
use crate::plan::identity::decide::Decision;
use crate::plan::identity::ready::{IdentityReady, Refusal};
use crate::plan::identity::spec::MalformedSpec;

/// A status that differs from what is recorded, and the merge patch that writes it.
struct StatusChange {
    status: MtlsIdentityStatus,
    patch: Value,
}

impl StatusChange {
    /// `None` where the status says it already.
    fn new(identity: &MtlsIdentity, status: MtlsIdentityStatus) -> Option<Self> {
        let version = identity.metadata.resource_version.as_deref();
        let patch = status_patch(version, identity.status.as_ref(), &status)?;
        Some(Self { status, patch })
    }
}

impl IdentityReconcile<'_> {
    /// Records a decision, with what an admission policy has changed.
    pub(super) async fn record(&self, decision: &Decision, found: &ObservedSecret) -> Result<(), Error> {
        let ready = match self.altered(found) {
            Some(what) => decision.ready.with_note(&what),
            None => decision.ready.clone(),
        };
        let decision = Decision { ready, ..decision.clone() };
        self.store(self.status(&decision, found), &decision.ready).await
    }

    pub(super) fn status(&self, decision: &Decision, found: &ObservedSecret) -> MtlsIdentityStatus {
        status::identity_status(self.identity, self.spec, decision, found, self.context.clock.now())
    }

    pub(super) async fn store(&self, status: MtlsIdentityStatus, ready: &IdentityReady) -> Result<(), Error> {
        write(self.context, self.identity, self.change(status), ready).await
    }

    /// The change to a status. A proof is added to what is written anyway; no status is written for a proof alone.
    fn change(&self, status: MtlsIdentityStatus) -> Option<StatusChange> {
        let mut change = StatusChange::new(self.identity, status)?;
        let now = self.context.clock.now();
        if self.root().is_some_and(|root| names_unknown_signer(self.identity, root, now)) {
            let (namespace, name) = (&self.spec.namespace, &self.spec.name);
            tracing::warn!(namespace, name, "a status named a signer that the root Secret does not know");
        }
        change.status = proven(change.status, self.identity, self.root());
        let before = self.identity.status.as_ref().and_then(|status| status.proof.as_ref());
        if change.status.proof.as_ref() != before {
            change.patch["status"]["proof"] = json!(change.status.proof);
        }
        Some(change)
    }
}

/// What status says after a pass that failed.
pub fn with_failure(ready: &IdentityReady, error: &Error, has_stalled: bool) -> IdentityReady {
    match error.explanation() {
        Some(why) if error.is_permanent() => ready.blocked_by(&why, has_stalled),
        Some(why) => ready.with_failure(&why),
        None => ready.clone(),
    }
}

/// An object that cannot be read at all: nothing can be decided, but its status can say so.
pub async fn record_malformed(
    context: &Context,
    identity: &MtlsIdentity,
    malformed: &MalformedSpec,
) -> Result<(), Error> {
    let ready = IdentityReady::refused(Refusal::Malformed(malformed.to_string()), true);
    record_ready(context, identity, &ready).await
}

/// An object that is being deleted, and that finalizers of others keep: only that its leaf has expired is recorded.
pub async fn record_deleting(context: &Context, identity: &MtlsIdentity) -> Result<(), Error> {
    let end = identity.status.as_ref().and_then(|status| status.not_after.as_ref()).map(|time| time.0);
    let Some(end) = end.filter(|end| context.clock.now() > *end) else { return Ok(()) };
    let finalizers = identity.metadata.finalizers.as_deref().unwrap_or_default();
    record_ready(context, identity, &IdentityReady::deleted_and_expired(end, finalizers)).await
}

/// Records conditions, and leaves the rest of the status as it was.
async fn record_ready(
    context: &Context,
    identity: &MtlsIdentity,
    ready: &IdentityReady,
) -> Result<(), Error> {
    let before = identity.status.clone().unwrap_or_default();
    let generation = identity.metadata.generation;
    let conditions = ready.conditions(&before.conditions, generation, context.clock.now());
    let status = MtlsIdentityStatus { observed_generation: generation, conditions, ..before };
    write(context, identity, StatusChange::new(identity, status), ready).await
}

/// Writes a status that differs from what is recorded; the scheduler is updated, and an Event reports it.
async fn write(
    context: &Context,
    identity: &MtlsIdentity,
    change: Option<StatusChange>,
    ready: &IdentityReady,
) -> Result<(), Error> {
    let meta = &identity.metadata;
    let (Some(change), Some(namespace), Some(name)) = (change, &meta.namespace, &meta.name) else {
        return Ok(());
    };
    let version = context.client.write_identity_status(namespace, name, change.patch).await?;
    let recorded = ParsedIdentity::from(&written(identity, change.status, version));
    let now = context.millis();
    context.scheduler.change(|scheduler| scheduler.apply_identity_answer(recorded, now));
    events::transition(context, identity, ready).await;
    Ok(())
}

/// The object after the write of its status. The write names the version that was observed: nothing else has changed. Should the
/// API server have stored another status, the watch delivers it in the same version.
fn written(identity: &MtlsIdentity, status: MtlsIdentityStatus, version: String) -> MtlsIdentity {
    let metadata = ObjectMeta { resource_version: Some(version), ..identity.metadata.clone() };
    MtlsIdentity { metadata, spec: identity.spec.clone(), status: Some(status) }
}
