//! Evidence that a root existed which the root Secret does not hold. It is gathered before the root Secret is read: a
//! root is called lost only if a GET made after the evidence was seen does not explain it (I11).

use super::census::{has_identity, signed_by_unknown};
use super::context::Context;
use super::entry::{Digest, digest};
use super::error::Error;
use super::root_secret::LoadedRoot;
use crate::api::authority::MtlsAuthorityStatus;
use crate::api::names::label;
use crate::api::{MtlsAuthority, MtlsIdentity};
use crate::plan::root::RootSecret;
use crate::plan::terms::Terms;

/// Signers that are known to have signed, with what knows it. Collected before the root Secret is read.
pub struct Suspects {
    recorded: Option<String>,
    statuses: Vec<(Digest, String)>,
}

impl Suspects {
    /// Identities, by namespace and name, that know of a signer: one for each.
    pub fn identities(&self) -> impl Iterator<Item = (&str, &str)> {
        self.statuses.iter().filter_map(|(_, identity)| identity.split_once('/'))
    }
}

/// Collects them.
#[must_use]
pub fn suspects(context: &Context, authority: &MtlsAuthority) -> Suspects {
    let signing = authority.status.as_ref().and_then(MtlsAuthorityStatus::signing_root);
    let recorded = signing.map(|root| root.key_id.clone());
    let board = context.board.lock();
    let name = authority.metadata.name.as_deref().unwrap_or_default();
    let now = context.clock.now().as_second();
    let mut known = Vec::new();
    let mut statuses = Vec::new();
    while let Some((key_id, identity)) = signed_by_unknown(&board, name, &known, now) {
        known.push(key_id);
        statuses.push((key_id, identity));
    }
    Suspects { recorded, statuses }
}

/// The sentence that says which root existed, if the root Secret does not explain it.
///
/// # Errors
/// [`Error`] where Secrets have to be listed and cannot be.
pub async fn evidence(
    context: &Context,
    authority: &MtlsAuthority,
    terms: &Terms,
    loaded: &LoadedRoot,
    suspects: &Suspects,
) -> Result<Option<String>, Error> {
    let place = format!("Secret {}/{}", context.namespace, authority.root_secret_name());
    if loaded.secret == RootSecret::Absent {
        if let Some(key_id) = &suspects.recorded {
            return Ok(Some(format!("{place} is missing, which held the root with key id {key_id}")));
        }
        if let Some((_, identity)) = suspects.statuses.first() {
            return Ok(Some(format!(
                "{place} is missing, which held the root that MtlsIdentity {identity} depends on"
            )));
        }
        return leaf_without_root(context, terms, &place).await;
    }
    let Some(signer) = &loaded.authority else { return Ok(None) };
    // An announced root has signed nothing: whoever depends on it has seen a later state of this Secret.
    let succession = &loaded.succession;
    let known: Vec<String> = std::iter::once(signer.key_id().to_string())
        .chain(succession.retiring.iter().map(|root| root.key_id.clone()))
        .chain(succession.former.iter().map(|former| former.key_id.clone()))
        .collect();
    if let Some(recorded) = suspects.recorded.as_ref().filter(|recorded| !known.contains(recorded)) {
        return Ok(Some(format!(
            "{place} holds another root than the one with key id {recorded}, which status names"
        )));
    }
    let known: Vec<Digest> = known.iter().map(|key_id| digest(key_id)).collect();
    let unknown = suspects.statuses.iter().find(|(key_id, _)| !known.contains(key_id));
    Ok(unknown.map(|(_, identity)| {
        format!("{place} holds another root than the one that MtlsIdentity {identity} depends on")
    }))
}

/// While there is no root Secret, any leaf Secret of an existing identity shows that there was one. The list is
/// fresh, and an index that lags is not relied on: it must not make a second root.
async fn leaf_without_root(context: &Context, terms: &Terms, place: &str) -> Result<Option<String>, Error> {
    let labels = label::selector_for(&terms.name);
    for namespace in context.watched() {
        for secret in context.requests.list_secrets(namespace.as_deref(), &labels).await? {
            let meta = &secret.metadata;
            let (Some(namespace), Some(name)) = (&meta.namespace, &meta.name) else { continue };
            let identity = meta.labels.as_ref().and_then(|labels| labels.get(label::IDENTITY));
            let Some(identity) = identity.filter(|identity| !identity.is_empty()) else { continue };
            if exists(context, namespace, identity).await? {
                return Ok(Some(format!(
                    "{place} is missing, though Secret {namespace}/{name} holds a leaf of its root"
                )));
            }
        }
    }
    Ok(None)
}

/// Whether an identity exists: whom the index does not know is asked for.
///
/// # Errors
/// [`Error`] where it cannot be.
pub async fn exists(context: &Context, namespace: &str, identity: &str) -> Result<bool, Error> {
    if has_identity(&context.board.lock(), namespace, identity) {
        return Ok(true);
    }
    Ok(context.requests.read::<MtlsIdentity>(Some(namespace), identity).await?.is_some())
}
