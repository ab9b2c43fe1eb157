//! The leaf Secrets of an authority, as their metadata describe them, once its root is lost.
//!
//! Users of a namespace can write such metadata: an identity is read once, however many Secrets name it.

use std::collections::BTreeSet;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;

use super::former_keys::SignerMention;
use super::ownership_claim::{exists, is_owned};
use crate::api::namespaced_name::NamespacedName;
use crate::operator::authority::named_identities::worth_reading;
use crate::operator::client::AT_ONCE;
use crate::operator::client::api_object::MetadataOf;
use crate::operator::client::scoped_pages::{ScopedPage, ScopedPages};
use crate::operator::context::Context;
use crate::operator::error::Error;
use crate::operator::index::digest::{Digest, digest};
use crate::operator::index::metadata::LeafMetadata;
use crate::pki::KeyId;
use crate::plan::authority::spec::AuthoritySpec;

/// One leaf Secret of an identity that exists, as its metadata say.
pub struct LeafSecret {
    /// Its name.
    pub name: String,
    /// Its identity, in the same namespace.
    identity: NamespacedName,
    uid: Option<String>,
    /// Digest of the hash of the trust bundle in it.
    pub trust: Option<Digest>,
    key_id: Option<KeyId>,
    /// End of the leaf.
    pub not_after: Option<Timestamp>,
}

impl LeafSecret {
    /// Its namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.identity.namespace
    }

    /// Whether it is known to be what the operator wrote for an identity of this authority.
    ///
    /// # Errors
    /// [`Error`] where the identity cannot be read.
    pub async fn is_owned(&self, context: &Context, spec: &AuthoritySpec) -> Result<bool, Error> {
        is_owned(context, &spec.name, &self.identity, self.uid.as_deref()).await
    }

    /// The signer that it names.
    #[must_use]
    pub fn named(&self) -> Option<SignerMention> {
        let NamespacedName { namespace, name: identity } = self.identity.clone();
        Some(SignerMention { key_id: self.key_id.clone()?, namespace, identity })
    }
}

/// The leaf Secrets of an authority whose identities exist, page by page.
///
/// The list is fresh, and an index that lags is not relied on: a Secret that it does not know yet may hold the only bundle with
/// the lost root, or the last of its leaves.
pub struct LeafSecrets<'a> {
    context: &'a Context,
    list: ScopedPages<MetadataOf<Secret, LeafMetadata>>,
}

impl<'a> LeafSecrets<'a> {
    /// Those of an authority.
    #[must_use]
    pub fn of(context: &'a Context, spec: &AuthoritySpec) -> Self {
        Self { context, list: context.leaf_secrets(&spec.name) }
    }

    /// Those of the next page; `None` after the last.
    ///
    /// # Errors
    /// [`Error`] where Secrets or identities cannot be read.
    pub async fn next(&mut self) -> Result<Option<Vec<LeafSecret>>, Error> {
        let Some(ScopedPage { page, .. }) = self.list.next().await? else { return Ok(None) };
        let leaves = page.items.into_iter().filter_map(|secret| leaf(secret.metadata)).collect();
        existing(self.context, leaves).await.map(Some)
    }
}

/// Those whose identities exist. Each is read once, however many Secrets name it.
async fn existing(context: &Context, mut leaves: Vec<LeafSecret>) -> Result<Vec<LeafSecret>, Error> {
    let owners = worth_reading(context, leaves.iter().map(|leaf| leaf.identity.clone())).await?;
    let checks = stream::iter(owners).map(|owner| present(context, owner));
    let found: Vec<Option<_>> = checks.buffer_unordered(AT_ONCE).try_collect().await?;
    let present: BTreeSet<_> = found.into_iter().flatten().collect();
    leaves.retain(|leaf| present.contains(&leaf.identity));
    Ok(leaves)
}

/// This identity, if it exists.
async fn present(context: &Context, identity: NamespacedName) -> Result<Option<NamespacedName>, Error> {
    Ok(exists(context, &identity).await?.then_some(identity))
}

/// A leaf Secret as its metadata describe it.
fn leaf(meta: LeafMetadata) -> Option<LeafSecret> {
    let identity = meta.labels.identity.filter(|identity| !identity.is_empty())?;
    let notes = meta.annotations;
    Some(LeafSecret {
        name: meta.name,
        identity: NamespacedName::new(meta.namespace, identity),
        uid: notes.identity_uid,
        trust: notes.trust.as_deref().map(digest),
        key_id: notes.authority_key_id.and_then(|text| text.parse().ok()),
        not_after: notes.not_after.and_then(|text| text.parse().ok()),
    })
}
