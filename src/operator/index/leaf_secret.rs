//! What the index keeps of a leaf Secret: some of its metadata, never its data.
//!
//! Labels and annotations are what others can write: they show whether a reconcile is needed, not what the Secret holds.

use std::sync::Arc;

use super::digest::{Digest, digest, version_number};
use super::metadata::LeafMetadata;
use super::time::Second;
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
    /// Whether its leaf answers a renewal request.
    pub answers_renew_request: bool,
}

impl SecretEntry {
    /// What is to be remembered of a Secret.
    #[must_use]
    pub fn of(meta: &LeafMetadata, namespace: Arc<str>) -> Self {
        let notes = &meta.annotations;
        Self {
            namespace,
            name: meta.name.as_str().into(),
            uid: digest(&meta.uid),
            version: version_number(&meta.resource_version),
            identity_uid: notes.identity_uid.as_deref().map(digest),
            profile: notes.profile.as_deref().and_then(ProfileHash::parse),
            trust: notes.trust.as_deref().map(digest),
            key_id: notes.authority_key_id.as_deref().map(digest),
            not_after: notes.not_after.as_deref().and_then(second),
            issued_at: notes.issued_at.as_deref().and_then(second),
            answers_renew_request: notes.renew_request.is_some(),
        }
    }
}

fn second(text: &str) -> Option<Second> {
    Second::new(text.parse::<jiff::Timestamp>().ok()?.as_second())
}
