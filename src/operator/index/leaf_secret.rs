//! What the index keeps of a leaf Secret: some of its metadata, never its data.
//!
//! Labels and annotations are what others can write: they show whether a reconcile is needed, not what the Secret holds.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Secret;
use kube::core::PartialObjectMeta;

use super::digest::{Digest, digest, version_number};
use super::time::Second;
use crate::api::names::{annotation, label};
use crate::plan::identity::profile::ProfileHash;

/// One leaf Secret, by its metadata.
#[derive(Clone, Debug)]
pub struct SecretEntry {
    /// Namespace.
    pub namespace: Arc<str>,
    /// Name.
    pub name: Box<str>,
    /// Uid.
    pub uid: Digest,
    /// Version seen last.
    pub version: u64,
    /// Uid of the identity that it says it belongs to.
    pub identity_uid: Option<Digest>,
    /// Name of the identity that its label names.
    pub identity: Option<Digest>,
    /// Name of the authority that its label names.
    pub authority: Option<Digest>,
    /// Hash of what its leaf was asked to be.
    pub profile: Option<ProfileHash>,
    /// Hash of the trust bundle in it.
    pub trust: Option<Digest>,
    /// Key identifier of the leaf's signer.
    pub key_id: Option<Digest>,
    /// End of the leaf.
    pub not_after: Option<Second>,
    /// Moment of issuance.
    pub issued_at: Option<Second>,
}

impl SecretEntry {
    /// What is to be remembered of a Secret.
    #[must_use]
    pub fn of(meta: &PartialObjectMeta<Secret>, namespace: Arc<str>) -> Self {
        let meta = &meta.metadata;
        let annotation =
            |key: &str| meta.annotations.as_ref().and_then(|map| map.get(key)).map(String::as_str);
        let label = |key: &str| meta.labels.as_ref().and_then(|map| map.get(key)).map(|text| digest(text));
        Self {
            namespace,
            name: meta.name.as_deref().unwrap_or_default().into(),
            uid: digest(meta.uid.as_deref().unwrap_or_default()),
            version: version_number(meta.resource_version.as_deref().unwrap_or_default()),
            identity_uid: annotation(annotation::IDENTITY_UID).map(digest),
            identity: label(label::IDENTITY),
            authority: label(label::AUTHORITY),
            profile: annotation(annotation::PROFILE).and_then(ProfileHash::parse),
            trust: annotation(annotation::TRUST).map(digest),
            key_id: annotation(annotation::AUTHORITY_KEY_ID).map(digest),
            not_after: annotation(annotation::NOT_AFTER).and_then(second),
            issued_at: annotation(annotation::ISSUED_AT).and_then(second),
        }
    }
}

fn second(text: &str) -> Option<Second> {
    Second::new(text.parse::<jiff::Timestamp>().ok()?.as_second())
}
