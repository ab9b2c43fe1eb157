//! Whether leaf Secrets belong to the identities that their metadata name.
//!
//! Users of a namespace can write such metadata: an identity is read once, however many Secrets claim to be its.

use std::collections::BTreeMap;

use crate::api::MtlsIdentity;
use crate::operator::context::Context;
use crate::operator::error::Error;
use crate::operator::index::digest::digest;
use crate::operator::index::metadata::LeafMetadata;
use crate::plan::authority::evidence::LeafClaim;

/// The Secrets that claim to belong to an identity, by the uid that they name.
pub type Claims = BTreeMap<String, String>;

/// The claims, by namespace and name of the identity.
#[must_use]
pub fn claims(secrets: impl IntoIterator<Item = LeafMetadata>) -> BTreeMap<(String, String), Claims> {
    let mut claims = BTreeMap::<_, Claims>::new();
    for LeafMetadata { namespace, name, labels, annotations, .. } in secrets {
        let identity = labels.identity.filter(|identity| !identity.is_empty());
        let (Some(identity), Some(uid)) = (identity, annotations.identity_uid) else { continue };
        claims.entry((namespace, identity)).or_default().entry(uid).or_insert(name);
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
    (namespace, identity): (String, String),
    mut claims: Claims,
) -> Result<Option<LeafClaim>, Error> {
    let uids: Vec<&str> = claims.keys().map(String::as_str).collect();
    let uid = owner(context, authority, &namespace, &identity, &uids).await?.map(str::to_owned);
    let secret = uid.and_then(|uid| claims.remove(&uid));
    Ok(secret.map(|secret| LeafClaim { namespace, identity, secret }))
}

/// Whether a leaf Secret with this uid belongs to an identity that exists and names this authority.
///
/// # Errors
/// [`Error`] where the identity cannot be read.
pub async fn is_owned(
    context: &Context,
    authority: &str,
    namespace: &str,
    identity: &str,
    uid: Option<&str>,
) -> Result<bool, Error> {
    Ok(owner(context, authority, namespace, identity, uid.as_slice()).await?.is_some())
}

/// Which of these uids is that of the identity, if it exists and names this authority. What the index does not confirm is
/// read.
async fn owner<'u>(
    context: &Context,
    authority: &str,
    namespace: &str,
    identity: &str,
    uids: &[&'u str],
) -> Result<Option<&'u str>, Error> {
    if uids.is_empty() || identity.is_empty() {
        return Ok(None);
    }
    if let Some(uid) = in_index(context, authority, namespace, identity, uids) {
        return Ok(Some(uid));
    }
    let found = context.client.read::<MtlsIdentity>(Some(namespace), identity).await?;
    let found = found.filter(|found| found.spec.authority_ref.name == authority);
    let uid = found.and_then(|found| found.metadata.uid);
    Ok(uid.and_then(|uid| uids.iter().copied().find(|named| *named == uid)))
}

fn in_index<'u>(
    context: &Context,
    authority: &str,
    namespace: &str,
    identity: &str,
    uids: &[&'u str],
) -> Option<&'u str> {
    let scheduler = context.scheduler.lock();
    let index = scheduler.index();
    let entry = index.find(namespace, identity).and_then(|id| index.entry(id))?;
    let is_its = |uid: &&str| entry.authority == digest(authority) && entry.uid == digest(uid);
    uids.iter().copied().find(is_its)
}

/// Whether an identity exists: one that the index does not know is read.
///
/// # Errors
/// [`Error`] where it cannot be read.
pub async fn exists(context: &Context, namespace: &str, identity: &str) -> Result<bool, Error> {
    if context.scheduler.lock().index().find(namespace, identity).is_some() {
        return Ok(true);
    }
    Ok(context.client.read::<MtlsIdentity>(Some(namespace), identity).await?.is_some())
}
