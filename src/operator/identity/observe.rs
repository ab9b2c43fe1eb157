//! From objects to a world. A Secret is read only where its metadata does not already say everything; what is read
//! is verified as a peer would verify it.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::PartialObjectMeta;

use super::inspect::held;
use super::ownership::{Ownership, belonging, not_made_by_us, owner_uid};
use super::secret_metadata::LeafAnnotations;
use crate::api::identity::{MtlsIdentity, MtlsIdentityStatus};
use crate::operator::context::Context;
use crate::operator::error::Error;
use crate::operator::index::digest::{digest, version_number};
use crate::operator::index::leaf_secret::SecretEntry;
use crate::pki::{Leaf, TrustBundle, Validity};
use crate::plan::identity::spec::IdentitySpec;
use crate::plan::identity::world::{Authorization, OwnedSecret, Rollout, SecretState, StoredLeaf};

/// What a Secret was found to be, and what a patch of it needs to know.
#[derive(Clone, Debug)]
pub struct ObservedSecret {
    /// For the decision.
    pub observed: SecretState,
    /// The leaf, where it was read or has just been issued.
    pub leaf: Option<Leaf>,
    /// What its annotations should say, where it is held and sound.
    pub notes: Option<LeafAnnotations>,
    /// Its metadata, where it was read.
    pub metadata: Option<ObjectMeta>,
    /// Issuances so far.
    pub revision: i64,
}

impl ObservedSecret {
    /// There is no Secret, or none that is this identity's.
    #[must_use]
    pub fn without_leaf(observed: SecretState, revision: i64) -> Self {
        Self { observed, leaf: None, notes: None, metadata: None, revision }
    }
}

/// What an observation rests on.
pub struct ObserveInput<'a> {
    /// The identity.
    pub identity: &'a MtlsIdentity,
    /// What it asks.
    pub asked: &'a IdentitySpec,
    /// What its authority allows, where there is one.
    pub allowed: Option<&'a Authorization>,
    /// The trust bundle in force, where a root signs.
    pub bundle: Option<&'a TrustBundle>,
    /// What a rotation has changed last, where a root signs.
    pub rotation: Option<&'a Rollout>,
}

impl ObserveInput<'_> {
    /// Hash of the bundle that was in force before.
    pub(super) fn former_trust(&self) -> Option<&str> {
        self.rotation?.former_trust.as_deref()
    }
}

/// Finds the Secret of an identity: by its metadata alone where it was not written since it was verified.
///
/// # Errors
/// [`Error`] where it has to be read and cannot be.
pub async fn secret(
    context: &Context,
    subject: &ObserveInput<'_>,
    seen: Option<&SecretEntry>,
    must_read: bool,
) -> Result<ObservedSecret, Error> {
    let status = subject.identity.status.as_ref();
    if !must_read {
        if let Some(found) = untouched(subject, seen) {
            return Ok(found);
        }
        if seen.is_none()
            && status.is_none_or(|status| status.secret.is_none() && status.conditions.is_empty())
        {
            return Ok(ObservedSecret::without_leaf(SecretState::Absent, 0));
        }
    }
    let revision = recorded_revision(status);
    if seen.is_none()
        && let Some(found) = unwatched(context, subject, must_read).await?
    {
        return Ok(found);
    }
    let (namespace, name) = (&subject.asked.namespace, &subject.asked.secret.name);
    let known = context.board.lock().known_secret(namespace, name);
    let Some(secret) = context.requests.secret(namespace, name).await? else {
        context.board.change(|board| board.missed_secret(namespace, name, known, context.millis()));
        return Ok(ObservedSecret::without_leaf(SecretState::Absent, revision));
    };
    let found = read(context, subject, &secret);
    note(context, &found);
    Ok(found)
}

/// The board hears of what was read, also of what is repaired before a watch tells of it.
fn note(context: &Context, found: &ObservedSecret) {
    let (SecretState::Held(held), Some(metadata)) = (&found.observed, &found.metadata) else { return };
    let meta = PartialObjectMeta { metadata: metadata.clone(), ..PartialObjectMeta::default() };
    context.board.lock().read_secret(&meta, held, context.millis());
}

/// A Secret that the watch does not see may belong to another program: its metadata says so, and its data is not read. Neither is that
/// of one whose label an admission policy has changed, while its version is the one that was written. `None`: read it.
async fn unwatched(
    context: &Context,
    subject: &ObserveInput<'_>,
    must_read: bool,
) -> Result<Option<ObservedSecret>, Error> {
    let asked = subject.asked;
    let revision = recorded_revision(subject.identity.status.as_ref());
    let found = context.requests.secret_metadata(&asked.namespace, &asked.secret.name).await?;
    let Some(secret) = found else {
        return Ok(Some(ObservedSecret::without_leaf(SecretState::Absent, revision)));
    };
    if owner_uid(&secret.metadata, asked).is_none() {
        return Ok(Some(ObservedSecret::without_leaf(SecretState::Foreign(not_made_by_us(asked)), revision)));
    }
    let seen = SecretEntry::of(&secret, asked.namespace.as_str().into());
    let known = untouched(subject, Some(&seen)).filter(|_| !must_read);
    Ok(known.map(|found| ObservedSecret { metadata: Some(secret.metadata), ..found }))
}

fn recorded_revision(status: Option<&MtlsIdentityStatus>) -> i64 {
    status.and_then(|status| status.revision).unwrap_or(0)
}

/// The version of the Secret that was written or verified last, if that was for the spec as it is.
pub(super) fn verified_version(identity: &MtlsIdentity) -> Option<&str> {
    let status = identity.status.as_ref()?;
    let is_current = status.observed_generation == identity.metadata.generation;
    status.secret.as_ref().filter(|_| is_current).map(|secret| secret.resource_version.as_str())
}

/// The Secret by status and metadata, if status speaks of this spec and of this version of the Secret.
fn untouched(subject: &ObserveInput<'_>, seen: Option<&SecretEntry>) -> Option<ObservedSecret> {
    let status = subject.identity.status.as_ref()?;
    let seen = seen?;
    let recorded =
        verified_version(subject.identity).filter(|recorded| version_number(recorded) == seen.version)?;
    if seen.identity_uid != Some(digest(&subject.asked.uid)) {
        return None;
    }
    // A status of older definitions cannot say which request was answered; the Secret can.
    if subject.asked.renew_request.is_some() && status.last_handled_renew.is_none() {
        return None;
    }
    if !agrees(subject, status, seen) {
        return None;
    }
    let leaf = StoredLeaf {
        serial: status.serial.clone()?,
        window: Validity {
            not_before: status.not_before.as_ref()?.0,
            not_after: status.not_after.as_ref()?.0,
        },
        key_id: status.authority_key_id.clone()?,
        issued_at: Timestamp::from_second(seen.issued_at?).ok()?,
    };
    let known =
        subject.bundle.map(TrustBundle::hash).into_iter().chain(subject.former_trust().map(str::to_owned));
    let trust = known.into_iter().find(|trust| seen.trust == Some(digest(trust)));
    // An annotation that an admission policy has changed says nothing of the content.
    if trust.is_none() && subject.bundle.is_some() {
        return None;
    }
    let held = OwnedSecret {
        version: recorded.to_owned(),
        mine: true,
        leaf: Ok(leaf),
        profile: seen.profile,
        fits: true,
        trust,
        dressed: true,
        renew_request: status.last_handled_renew.clone(),
    };
    let revision = recorded_revision(Some(status));
    Some(ObservedSecret {
        observed: SecretState::Held(held),
        leaf: None,
        notes: None,
        metadata: None,
        revision,
    })
}

/// Whether the metadata of a Secret say of its leaf what status says, and that a known signer has signed it: people can write
/// a status, too.
fn agrees(subject: &ObserveInput<'_>, status: &MtlsIdentityStatus, seen: &SecretEntry) -> bool {
    let (Some(key_id), Some(not_after)) = (&status.authority_key_id, &status.not_after) else { return false };
    seen.key_id == Some(digest(key_id))
        && seen.not_after == Some(not_after.0.as_second())
        && subject.rotation.is_none_or(|rotation| rotation.is_known(key_id))
}

/// The Secret as it was read.
fn read(context: &Context, subject: &ObserveInput<'_>, secret: &Secret) -> ObservedSecret {
    let status = subject.identity.status.as_ref();
    let owner = {
        let board = context.board.lock();
        belonging(secret, subject.asked, board.index())
    };
    let mine = match owner {
        Ownership::Foreign(whose) => {
            return ObservedSecret::without_leaf(SecretState::Foreign(whose), recorded_revision(status));
        }
        Ownership::Owned => true,
        Ownership::Adoptable => false,
    };
    let found = held(context.clock.now(), subject, secret, mine, recorded_revision(status));
    ObservedSecret { metadata: Some(secret.metadata.clone()), ..found }
}
