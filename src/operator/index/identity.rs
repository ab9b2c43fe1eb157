//! What the index keeps of an identity: a few hundred bytes, never the object, never a key.
//!
//! Strings that are only compared are digests; times that are only compared are seconds.

use std::sync::Arc;

use super::digest::{Digest, digest, version_number};
use super::time::Second;
use crate::api::conditions::{READY, STALLED, find};
use crate::api::identity::{MtlsIdentity, MtlsIdentityStatus, default_secret_name};
use crate::api::names::annotation;
use crate::plan::identity::leaf_rules::LeafFacts;
use crate::plan::identity::policy::Permission;
use crate::plan::identity::profile::IdentitySpecHash;
use crate::plan::identity::ready::ReadyReason;
use crate::plan::identity::spec::IdentitySpec;
use crate::plan::spread::slot;

/// One identity.
#[derive(Clone, Debug)]
pub struct IdentityEntry {
    /// Namespace.
    pub namespace: Arc<str>,
    /// Name.
    pub name: Box<str>,
    /// Name of the Secret, where it is not the default one.
    pub secret_name: Option<Box<str>>,
    /// Uid.
    pub uid: Digest,
    /// Where in the window of a rotation's step its slot is.
    pub slot: u16,
    /// Version seen last.
    pub version: u64,
    /// Generation of the spec.
    pub generation: i64,
    /// Name of the authority.
    pub authority: Digest,
    /// Hash of the spec; `None` where it is malformed.
    pub spec: Option<IdentitySpecHash>,
    /// Value of the annotation `renew`, where there is one.
    pub renew_request: Option<Digest>,
    /// Whether it asks for nothing that a grant or a limit could refuse: such identities of one namespace are all
    /// permitted or all refused.
    pub is_default_spec: bool,
    /// Whether issuance is stopped.
    pub is_paused: bool,
    /// Whether it is being deleted.
    pub is_deleting: bool,
    /// When this generation was first seen by this process, seconds since 1970.
    pub first_seen: i64,
    /// What policy said when it was asked last.
    pub permission: Option<CachedPermission>,
    /// What status says.
    pub recorded: RecordedStatus,
}

/// What policy said, and the state of authority and namespace under which it said so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CachedPermission {
    /// State of authority and namespace.
    pub epoch: u64,
    /// The answer.
    pub permission: Permission,
}

/// What an identity's status says.
#[derive(Clone, Copy, Debug, Default)]
pub struct RecordedStatus {
    /// Generation that the status speaks of.
    pub generation: Option<i64>,
    /// Reason of the `Ready` condition.
    pub reason: Option<ReadyReason>,
    /// Whether `Ready` is true.
    pub is_ready: bool,
    /// Whether this generation needs manual action.
    pub is_stalled: bool,
    /// Version of the Secret that was verified.
    pub secret_version: Option<u64>,
    /// Beginning of the leaf.
    pub not_before: Option<Second>,
    /// End of the leaf.
    pub not_after: Option<Second>,
    /// Time of renewal.
    pub renewal: Option<Second>,
    /// Key identifier of the signer.
    pub key_id: Option<Digest>,
    /// Whether there is a proof of that.
    pub has_proof: bool,
    /// Renewal request that was answered.
    pub renew_request: Option<Digest>,
}

/// An identity as a watch or an answer shows it, parsed once: all that can be computed of it before the index is locked.
#[derive(Debug)]
pub struct ParsedIdentity<'a> {
    /// The object.
    pub identity: &'a MtlsIdentity,
    /// Its spec, where it can be read.
    pub spec: Option<IdentitySpec>,
    /// What is to be remembered of it.
    pub entry: IdentityEntry,
}

impl<'a> From<&'a MtlsIdentity> for ParsedIdentity<'a> {
    fn from(identity: &'a MtlsIdentity) -> Self {
        let spec = IdentitySpec::parse(identity).ok();
        let entry = IdentityEntry::new(identity, spec.as_ref());
        Self { identity, spec, entry }
    }
}

impl IdentityEntry {
    /// What is to be remembered of an identity with this spec.
    fn new(identity: &MtlsIdentity, spec: Option<&IdentitySpec>) -> Self {
        let meta = &identity.metadata;
        let name: Box<str> = meta.name.as_deref().unwrap_or_default().into();
        let secret_name = identity.secret_name();
        let uid = meta.uid.as_deref().unwrap_or_default();
        let renew = meta.annotations.as_ref().and_then(|a| a.get(annotation::RENEW));
        Self {
            namespace: meta.namespace.as_deref().unwrap_or_default().into(),
            secret_name: (secret_name != default_secret_name(&name)).then(|| secret_name.into()),
            uid: digest(uid),
            slot: slot(uid),
            version: version_number(meta.resource_version.as_deref().unwrap_or_default()),
            generation: meta.generation.unwrap_or_default(),
            authority: digest(&identity.spec.authority_ref.name),
            spec: spec.filter(|spec| spec.malformed.is_none()).map(IdentitySpecHash::of),
            renew_request: renew.map(|value| digest(value)),
            is_default_spec: spec.is_some_and(IdentitySpec::is_default),
            is_paused: identity.spec.paused,
            is_deleting: meta.deletion_timestamp.is_some(),
            first_seen: 0,
            permission: None,
            recorded: identity.status.as_ref().map(RecordedStatus::from).unwrap_or_default(),
            name,
        }
    }

    /// Name of the Secret.
    #[must_use]
    pub fn secret_name(&self) -> String {
        self.secret_name.as_deref().map_or_else(|| default_secret_name(&self.name), str::to_owned)
    }

    /// What the rules on leaves need to know of the leaf that status speaks of.
    #[must_use]
    pub fn leaf_facts(&self) -> LeafFacts<'_, Digest> {
        LeafFacts {
            key_id: self.recorded.key_id.as_ref(),
            not_after: self.recorded.not_after.map(Second::get),
            renewal: self.recorded.renewal.map(Second::get),
            slot: self.slot,
            is_paused: self.is_paused,
        }
    }

    /// Whether the status speaks of the spec as it is now.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.recorded.generation == Some(self.generation)
    }
}

/// Whether the generation that a status describes has needed manual action.
#[must_use]
pub fn has_stalled(status: &MtlsIdentityStatus) -> bool {
    find(&status.conditions, STALLED).is_some_and(|condition| {
        condition.status == "True" && condition.observed_generation == status.observed_generation
    })
}

impl RecordedStatus {
    /// Whether the leaf that status speaks of has not ended, at this second since 1970.
    #[must_use]
    pub fn has_valid_leaf(&self, now: i64) -> bool {
        self.not_after.is_some_and(|end| end.get() >= now)
    }
}

impl From<&MtlsIdentityStatus> for RecordedStatus {
    fn from(status: &MtlsIdentityStatus) -> Self {
        let ready = find(&status.conditions, READY);
        let seconds = |time: &Option<k8s_openapi::apimachinery::pkg::apis::meta::v1::Time>| {
            time.as_ref().and_then(|time| Second::new(time.0.as_second()))
        };
        Self {
            generation: status.observed_generation,
            reason: ready.and_then(|condition| ReadyReason::parse(&condition.reason)),
            is_stalled: has_stalled(status),
            is_ready: ready.is_some_and(|condition| condition.status == "True"),
            secret_version: status.secret.as_ref().map(|secret| version_number(&secret.resource_version)),
            not_before: seconds(&status.not_before),
            not_after: seconds(&status.not_after),
            renewal: seconds(&status.renewal_time),
            key_id: status.authority_key_id.as_deref().map(digest),
            has_proof: status.proof.is_some(),
            renew_request: status.last_handled_renew.as_deref().map(digest),
        }
    }
}
