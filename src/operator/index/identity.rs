//! What the index keeps of an identity: a few hundred octets, never a key.
//!
//! Strings that are only compared are digests; times are seconds. The rest of the object is kept where it is short, or that of many.

use std::sync::Arc;

use super::digest::{Digest, digest, version_number};
use super::identity_names::Names;
use super::kept_object::{KeptObject, PackedObject};
use super::recorded_status::RecordedStatus;
use super::time::Second;
use crate::api::identity::{MtlsIdentity, default_secret_name};
use crate::api::names::annotation;
use crate::plan::identity::leaf_rules::LeafFacts;
use crate::plan::identity::policy::Permission;
use crate::plan::identity::profile::IdentitySpecHash;
use crate::plan::identity::spec::IdentitySpec;
use crate::plan::spread::slot;

/// One identity.
#[derive(Clone, Debug)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "they are unrelated, and there is one of each for every identity"
)]
pub struct IdentityEntry {
    /// Namespace.
    pub namespace: Arc<str>,
    names: Names,
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
    /// Whether the status speaks of the spec as it is now.
    pub is_current: bool,
    /// When this generation was first seen by this process.
    pub first_seen: Second,
    /// What policy said when it was asked last.
    pub permission: Option<CachedPermission>,
    /// What status says.
    pub recorded: RecordedStatus,
    /// The rest of the object, where it is kept.
    pub kept: Option<KeptObject>,
}

/// What policy said, and the state of authority and namespace under which it said so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CachedPermission {
    /// State of authority and namespace.
    pub epoch: u64,
    /// The answer.
    pub permission: Permission,
}

/// An identity as a watch or an answer shows it, parsed once: all that can be computed of it before the index is locked.
#[derive(Debug)]
pub struct ParsedIdentity {
    /// Its spec, where it can be read.
    pub spec: Option<IdentitySpec>,
    /// What is to be remembered of it.
    pub entry: IdentityEntry,
    /// The rest of the object, where it can be kept.
    pub object: Option<PackedObject>,
}

impl From<&MtlsIdentity> for ParsedIdentity {
    fn from(identity: &MtlsIdentity) -> Self {
        let spec = IdentitySpec::parse(identity).ok();
        let entry = IdentityEntry::new(identity, spec.as_ref());
        let object = PackedObject::of(identity);
        Self { spec, entry, object }
    }
}

impl IdentityEntry {
    /// What is to be remembered of an identity with this spec.
    fn new(identity: &MtlsIdentity, spec: Option<&IdentitySpec>) -> Self {
        let meta = &identity.metadata;
        let generation = meta.generation.unwrap_or_default();
        let uid = meta.uid.as_deref().unwrap_or_default();
        let renew = meta.annotations.as_ref().and_then(|a| a.get(annotation::RENEW));
        Self {
            namespace: meta.namespace.as_deref().unwrap_or_default().into(),
            names: Names::of(identity),
            uid: digest(uid),
            slot: slot(uid),
            version: version_number(meta.resource_version.as_deref().unwrap_or_default()),
            generation,
            authority: digest(&identity.spec.authority_ref.name),
            spec: spec.filter(|spec| spec.malformed.is_none()).map(IdentitySpecHash::of),
            renew_request: renew.map(|value| digest(value)),
            is_default_spec: spec.is_some_and(IdentitySpec::is_default),
            is_paused: identity.spec.paused,
            is_deleting: meta.deletion_timestamp.is_some(),
            is_current: identity.status.as_ref().is_some_and(|s| s.observed_generation == Some(generation)),
            first_seen: Second::nearest(0),
            permission: None,
            recorded: identity.status.as_ref().map(RecordedStatus::from).unwrap_or_default(),
            kept: None,
        }
    }

    /// Name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.names.name()
    }

    /// Name of the Secret.
    #[must_use]
    pub fn secret_name(&self) -> String {
        self.named_secret().map_or_else(|| default_secret_name(self.name()), str::to_owned)
    }

    /// Name of the Secret, where it is not the default one.
    #[must_use]
    pub fn named_secret(&self) -> Option<&str> {
        self.names.secret()
    }

    /// All that a reconcile reads of the object, where it is kept.
    #[must_use]
    pub fn object(&self) -> Option<MtlsIdentity> {
        self.kept.as_ref()?.object((&self.namespace, self.name()), self.version, &self.recorded)
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
}
