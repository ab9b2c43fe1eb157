//! The leaf Secrets of an authority, as their metadata describe them, once its root is lost.
//!
//! Users of a namespace can write such metadata: an identity is read once, however many Secrets name it.

use std::collections::BTreeSet;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::former_keys::SignerMention;
use super::ownership_claim::{exists, is_owned};
use crate::api::names::{annotation, label};
use crate::operator::client::AT_ONCE;
use crate::operator::context::Context;
use crate::operator::error::Error;
use crate::pki::KeyId;
use crate::plan::authority::spec::AuthoritySpec;

/// One leaf Secret of an identity that exists, as its metadata say.
pub struct LeafSecret {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    identity: String,
    uid: Option<String>,
    /// Hash of the trust bundle in it.
    pub trust: Option<String>,
    key_id: Option<KeyId>,
    /// End of the leaf.
    pub not_after: Option<Timestamp>,
}

impl LeafSecret {
    /// Namespace and name of its identity.
    fn owner(&self) -> (String, String) {
        (self.namespace.clone(), self.identity.clone())
    }

    /// Whether it is known to be what the operator wrote for an identity of this authority.
    ///
    /// # Errors
    /// [`Error`] where the identity cannot be read.
    pub async fn is_owned(&self, context: &Context, spec: &AuthoritySpec) -> Result<bool, Error> {
        is_owned(context, &spec.name, &self.namespace, &self.identity, self.uid.as_deref()).await
    }

    /// The signer that it names.
    #[must_use]
    pub fn named(&self) -> Option<SignerMention> {
        let (namespace, identity) = self.owner();
        Some(SignerMention { key_id: self.key_id.clone()?, namespace, identity })
    }
}

/// The leaf Secrets of an authority whose identities exist. The list is fresh, and an index that lags is not relied on: a
/// Secret that it does not know yet may hold the only bundle with the lost root, or the last of its leaves.
///
/// # Errors
/// [`Error`] where Secrets or identities cannot be read.
pub async fn leaves(context: &Context, spec: &AuthoritySpec) -> Result<Vec<LeafSecret>, Error> {
    let list = context.leaf_secrets(&spec.name).await?;
    let mut leaves: Vec<_> = list.into_iter().filter_map(|secret| leaf(secret.metadata)).collect();
    // Each is read once, however many Secrets name it.
    let owners: BTreeSet<_> = leaves.iter().map(LeafSecret::owner).collect();
    let checks = stream::iter(owners).map(|owner| present(context, owner));
    let found: Vec<Option<_>> = checks.buffer_unordered(AT_ONCE).try_collect().await?;
    let present: BTreeSet<_> = found.into_iter().flatten().collect();
    leaves.retain(|leaf| present.contains(&leaf.owner()));
    Ok(leaves)
}

/// This identity, if it exists.
async fn present(context: &Context, owner: (String, String)) -> Result<Option<(String, String)>, Error> {
    Ok(exists(context, &owner.0, &owner.1).await?.then_some(owner))
}

/// A leaf Secret as its metadata describe it.
fn leaf(meta: ObjectMeta) -> Option<LeafSecret> {
    let identity = meta.labels?.remove(label::IDENTITY).filter(|identity| !identity.is_empty())?;
    let mut notes = meta.annotations.unwrap_or_default();
    Some(LeafSecret {
        namespace: meta.namespace?,
        name: meta.name?,
        identity,
        uid: notes.remove(annotation::IDENTITY_UID),
        trust: notes.remove(annotation::TRUST),
        key_id: notes.remove(annotation::AUTHORITY_KEY_ID).and_then(|text| text.parse().ok()),
        not_after: notes.remove(annotation::NOT_AFTER).and_then(|text| text.parse().ok()),
    })
}
