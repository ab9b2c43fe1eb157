//! What is remembered of an identity and of its Secret: a few hundred bytes, never an object, never a key.

use std::sync::Arc;

use super::digest::{Digest, digest, version_number};
use crate::api::conditions::{READY, STALLED, find};
use crate::api::identity::{MtlsIdentity, MtlsIdentityStatus, default_secret_name};
use crate::api::names::annotation;
use crate::api::word::Word;
use crate::pki::{CommonName, KeyAlgorithm};
use crate::plan::identity::policy::Permission;
use crate::plan::identity::profile::IdentitySpecHash;
use crate::plan::identity::ready::ReadyReason;
use crate::plan::identity::spec::IdentitySpec;
use crate::plan::spread::fraction;

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
    /// Where in the window of a rotation's step its slot lies.
    pub slot: u16,
    /// Version seen last.
    pub version: u64,
    /// Generation of the spec.
    pub generation: i64,
    /// Name of the authority.
    pub authority: Digest,
    /// Hash of what is asked; `None` where the spec is malformed.
    pub asked: Option<IdentitySpecHash>,
    /// Value of the annotation `renew`, where there is one.
    pub renew_request: Option<Digest>,
    /// Whether it asks for nothing that a grant or a limit could refuse: such identities of one namespace are all
    /// permitted or all refused.
    pub is_plain: bool,
    /// Whether issuance is stopped.
    pub is_paused: bool,
    /// Whether it is being deleted.
    pub is_going: bool,
    /// When this generation was first seen by this process, seconds since 1970.
    pub seen: i64,
    /// What policy said when it was asked last.
    pub judgement: Option<CachedPermission>,
    /// What status says.
    pub recorded: RecordedStatus,
}

/// A verdict of policy, and the state of authority and namespace under which it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CachedPermission {
    /// State of authority and namespace.
    pub epoch: u64,
    /// The verdict.
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
    /// Whether this generation needs a person.
    pub is_stalled: bool,
    /// Version of the Secret that was verified.
    pub secret_version: Option<u64>,
    /// Beginning of the leaf, seconds since 1970.
    pub not_before: i64,
    /// End of the leaf, seconds since 1970.
    pub not_after: i64,
    /// Time of renewal, seconds since 1970.
    pub renewal: i64,
    /// Key identifier of the signer.
    pub key_id: Option<Digest>,
    /// Whether there is a proof of that.
    pub has_proof: bool,
    /// Renewal request that was answered.
    pub renew_request: Option<Digest>,
}

impl IdentityEntry {
    /// What is to be remembered of an identity.
    #[must_use]
    pub fn of(identity: &MtlsIdentity, namespace: Arc<str>) -> Self {
        let meta = &identity.metadata;
        let name: Box<str> = meta.name.as_deref().unwrap_or_default().into();
        let secret_name = identity.secret_name();
        let renew = meta.annotations.as_ref().and_then(|a| a.get(annotation::RENEW));
        Self {
            secret_name: (secret_name != default_secret_name(&name)).then(|| secret_name.into()),
            uid: digest(meta.uid.as_deref().unwrap_or_default()),
            slot: fraction(meta.uid.as_deref().unwrap_or_default()),
            version: version_number(meta.resource_version.as_deref().unwrap_or_default()),
            generation: meta.generation.unwrap_or_default(),
            authority: digest(&identity.spec.authority_ref.name),
            asked: readable(identity).map(|asked| IdentitySpecHash::of(&asked)),
            renew_request: renew.map(|value| digest(value)),
            is_plain: is_plain(identity),
            is_paused: identity.spec.paused,
            is_going: meta.deletion_timestamp.is_some(),
            seen: 0,
            judgement: None,
            recorded: identity.status.as_ref().map(RecordedStatus::of).unwrap_or_default(),
            namespace,
            name,
        }
    }

    /// Name of the Secret.
    #[must_use]
    pub fn secret_name(&self) -> String {
        self.secret_name.as_deref().map_or_else(|| default_secret_name(&self.name), str::to_owned)
    }

    /// Whether the status speaks of the spec as it is now.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.recorded.generation == Some(self.generation)
    }
}

/// What an identity asks, where all of it can be read.
fn readable(identity: &MtlsIdentity) -> Option<IdentitySpec> {
    IdentitySpec::parse(identity).ok().filter(|asked| asked.malformed.is_none())
}

fn is_plain(identity: &MtlsIdentity) -> bool {
    let spec = &identity.spec;
    readable(identity).is_some_and(|asked| !asked.claims_api_server())
        && spec.subject.common_name == Word::Known(CommonName::None)
        && spec.dns_names.is_empty()
        && spec.ip_addresses.is_empty()
        && spec.ttl.is_none()
        && spec.renew_before.is_none()
        && spec.private_key.algorithm == Word::Known(KeyAlgorithm::default())
}

/// Whether the generation that a status describes has needed a person.
#[must_use]
pub fn has_stalled(status: &MtlsIdentityStatus) -> bool {
    find(&status.conditions, STALLED).is_some_and(|condition| {
        condition.status == "True" && condition.observed_generation == status.observed_generation
    })
}

impl RecordedStatus {
    fn of(status: &MtlsIdentityStatus) -> Self {
        let ready = find(&status.conditions, READY);
        let seconds = |time: &Option<k8s_openapi::apimachinery::pkg::apis::meta::v1::Time>| {
            time.as_ref().map_or(0, |time| time.0.as_second())
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
