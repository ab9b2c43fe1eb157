//! Whether leaf Secrets belong to the identities that their metadata name.
//!
//! Users of a namespace can write such metadata: an identity is read once, however many Secrets claim to be its.

use std::collections::BTreeMap;

use crate::api::MtlsIdentity;
use crate::api::namespaced_name::NamespacedName;
use crate::operator::authority::named_identities::is_indexed;
use crate::operator::context::Context;
use crate::operator::error::Error;
use crate::operator::index::digest::digest;
use crate::operator::index::metadata::LeafMetadata;
use crate::plan::authority::evidence::LeafClaim;

/// The Secrets that claim to belong to an identity, by the uid that they name.
pub type Claims = BTreeMap<String, String>;

/// The claims, by identity.
#[must_use]
pub fn claims(secrets: impl IntoIterator<Item = LeafMetadata>) -> BTreeMap<NamespacedName, Claims> {
    let mut claims = BTreeMap::<_, Claims>::new();
    for LeafMetadata { namespace, name, labels, annotations, .. } in secrets {
        let identity = labels.identity.filter(|identity| !identity.is_empty());
        let (Some(identity), Some(uid)) = (identity, annotations.identity_uid) else { continue };
        claims.entry(NamespacedName::new(namespace, identity)).or_default().entry(uid).or_insert(name);
    }
    claims
}

/// The claim that is true, if one is.
///
/// # Errors
/// [`Error`] where the identity cannot be read.
pub async fn true_claim(
    context: &Context,
    authority: &str,
    identity: NamespacedName,
    mut claims: Claims,
) -> Result<Option<LeafClaim>, Error> {
    let uids: Vec<&str> = claims.keys().map(String::as_str).collect();
    let uid = owner(context, authority, &identity, &uids).await?.map(str::to_owned);
    let secret = uid.and_then(|uid| claims.remove(&uid));
    let NamespacedName { namespace, name: identity } = identity;
    Ok(secret.map(|secret| LeafClaim { namespace, identity, secret }))
}

/// Whether a leaf Secret with this uid belongs to an identity that exists and names this authority.
///
/// # Errors
/// [`Error`] where the identity cannot be read.
pub async fn is_owned(
    context: &Context,
    authority: &str,
    identity: &NamespacedName,
    uid: Option<&str>,
) -> Result<bool, Error> {
    Ok(owner(context, authority, identity, uid.as_slice()).await?.is_some())
}

/// Which of these uids is that of the identity, if it exists and names this authority. What the index does not confirm is
/// read.
async fn owner<'u>(
    context: &Context,
    authority: &str,
    identity: &NamespacedName,
    uids: &[&'u str],
) -> Result<Option<&'u str>, Error> {
    if uids.is_empty() || identity.name.is_empty() {
        return Ok(None);
    }
    if let Some(uid) = in_index(context, authority, identity, uids) {
        return Ok(Some(uid));
    }
    let found = read(context, identity).await?;
    let found = found.filter(|found| found.spec.authority_ref.name == authority);
    let uid = found.and_then(|found| found.metadata.uid);
    Ok(uid.and_then(|uid| uids.iter().copied().find(|named| *named == uid)))
}

fn in_index<'u>(
    context: &Context,
    authority: &str,
    NamespacedName { namespace, name }: &NamespacedName,
    uids: &[&'u str],
) -> Option<&'u str> {
    let scheduler = context.scheduler.lock();
    let index = scheduler.index();
    let entry = index.find(namespace, name).and_then(|id| index.entry(id))?;
    let is_its = |uid: &&str| entry.authority == digest(authority) && entry.uid == digest(uid);
    uids.iter().copied().find(is_its)
}

/// Whether an identity exists: one that the index does not know is read.
///
/// # Errors
/// [`Error`] where it cannot be read.
pub async fn exists(context: &Context, identity: &NamespacedName) -> Result<bool, Error> {
    Ok(is_indexed(context, identity) || read(context, identity).await?.is_some())
}

async fn read(
    context: &Context,
    NamespacedName { namespace, name }: &NamespacedName,
) -> Result<Option<MtlsIdentity>, Error> {
    context.client.read(Some(namespace), name).await
}
