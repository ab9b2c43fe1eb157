//! Observes the Secret of an identity.
//!
//! A Secret is read only where its metadata does not already say everything; what is read is verified as a peer would verify it.

use k8s_openapi::api::core::v1::Secret;

use super::from_metadata::from_metadata;
use super::inspect::inspect;
use super::observed::{ObserveInput, ObservedSecret};
use super::ownership::{Ownership, not_made_by_us, owner_uid, ownership};
use crate::api::identity::MtlsIdentityStatus;
use crate::operator::context::Context;
use crate::operator::error::Error;
use crate::operator::index::leaf_secret::SecretEntry;
use crate::plan::identity::world::SecretState;

/// Finds the Secret of an identity: by its metadata alone where it was not written since it was verified.
///
/// # Errors
/// [`Error`] where it has to be read and cannot be.
pub async fn observe_secret(
    context: &Context,
    input: &ObserveInput<'_>,
    seen: Option<&SecretEntry>,
    must_read: bool,
) -> Result<ObservedSecret, Error> {
    if !must_read && let Some(found) = without_request(input, seen) {
        return Ok(found);
    }
    if seen.is_none()
        && let Some(found) = unlabelled(context, input, must_read).await?
    {
        return Ok(found);
    }
    let (namespace, name) = (&input.spec.namespace, &input.spec.secret.name);
    let known = context.scheduler.lock().secret_version(namespace, name);
    let Some(secret) = context.client.secret(namespace, name).await? else {
        let now = context.millis();
        context.scheduler.change(|scheduler| scheduler.secret_not_found(namespace, name, known, now));
        return Ok(ObservedSecret::without_leaf(SecretState::Absent, input.recorded_revision()));
    };
    let found = read(context, input, &secret);
    note(context, &found);
    Ok(found)
}

/// What is known without a request: what metadata say, and that an identity without a status has no Secret yet.
fn without_request(input: &ObserveInput<'_>, seen: Option<&SecretEntry>) -> Option<ObservedSecret> {
    if let Some(seen) = seen {
        return from_metadata(input, seen);
    }
    let is_new = |status: &MtlsIdentityStatus| status.secret.is_none() && status.conditions.is_empty();
    input.status().is_none_or(is_new).then(|| ObservedSecret::without_leaf(SecretState::Absent, 0))
}

/// The scheduler learns what was read, also of what is repaired before the watch delivers it.
fn note(context: &Context, found: &ObservedSecret) {
    let (SecretState::Held(owned), Some(metadata)) = (&found.state, &found.metadata) else { return };
    context.scheduler.lock().note_read_secret(metadata, owned, context.millis());
}

/// A Secret without our label may belong to another program: its metadata says so, and its data is not read. Neither is that of
/// one whose label an admission policy has changed, while its version is the one that was written. `None`: read it.
async fn unlabelled(
    context: &Context,
    input: &ObserveInput<'_>,
    must_read: bool,
) -> Result<Option<ObservedSecret>, Error> {
    let (spec, revision) = (input.spec, input.recorded_revision());
    let found = context.client.secret_metadata(&spec.namespace, &spec.secret.name).await?;
    let Some(secret) = found else {
        return Ok(Some(ObservedSecret::without_leaf(SecretState::Absent, revision)));
    };
    if owner_uid(&secret.metadata, spec).is_none() {
        let foreign = SecretState::Foreign(not_made_by_us(spec));
        return Ok(Some(ObservedSecret::without_leaf(foreign, revision)));
    }
    let seen = SecretEntry::of(&(&secret).into(), spec.namespace.as_str().into());
    let known = from_metadata(input, &seen).filter(|_| !must_read);
    Ok(known.map(|found| ObservedSecret { metadata: Some(secret.metadata), ..found }))
}

/// The Secret as it was read.
fn read(context: &Context, input: &ObserveInput<'_>, secret: &Secret) -> ObservedSecret {
    let owner = {
        let scheduler = context.scheduler.lock();
        ownership(secret, input.spec, scheduler.index())
    };
    let carries_uid = match owner {
        Ownership::Foreign(whose) => {
            return ObservedSecret::without_leaf(SecretState::Foreign(whose), input.recorded_revision());
        }
        Ownership::Owned => true,
        Ownership::Adoptable => false,
    };
    let found = inspect(context.clock.now(), input, secret, carries_uid);
    ObservedSecret { metadata: Some(secret.metadata.clone()), ..found }
}
