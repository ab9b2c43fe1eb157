//! Roots that take a place: beside or after one that signs, where there was none, or where one was lost. Keys of roots are
//! made here, and nowhere else.

use k8s_openapi::api::core::v1::Secret;
use serde_json::Value;

use super::context::Context;
use super::error::Error;
use super::requests::WRITE_TIMEOUT;
use super::root_creation;
use super::root_look::{Observed, request};
use super::root_notes::Origin;
use super::root_patch::Patch;
use crate::api::MtlsAuthority;
use crate::api::names::key;
use crate::pki::{Authority, AuthorityPem, EvidenceKey};
use crate::plan::rotation::Source;
use crate::plan::terms::Terms;

/// The CA that takes the signer's place.
pub(super) fn successor(
    context: &Context,
    terms: &Terms,
    source: Source,
    observed: &Observed,
) -> Result<Option<(AuthorityPem, Origin)>, Error> {
    Ok(match source {
        Source::Generated => Some((generate(context, terms)?, Origin::Generated)),
        Source::Provided => observed.provided.clone().map(|pem| (pem, Origin::Provided)),
        Source::Announced => {
            let next = observed.loaded.stored().and_then(|root| root.next.as_ref());
            let is_provided = next.is_some_and(|next| next.is_provided);
            let origin = if is_provided { Origin::Provided } else { Origin::Generated };
            observed.next.clone().map(|pem| (pem, origin))
        }
    })
}

/// A root that nobody has seen.
pub(super) fn generate(context: &Context, terms: &Terms) -> Result<AuthorityPem, Error> {
    let now = context.clock.now();
    Ok(Authority::generate(&terms.name, terms.root_algorithm, terms.root_ttl, now)?)
}

/// Another root signs from now on, and what is left of the lost one stays trusted. Whether anything was
/// written.
pub(super) async fn go_on(
    context: &Context,
    authority: &MtlsAuthority,
    terms: &Terms,
    observed: &Observed,
) -> Result<bool, Error> {
    let Some(recovery) = &observed.recovery else { return Ok(false) };
    let source = if observed.provided.is_some() { Source::Provided } else { Source::Generated };
    let Some((pem, origin)) = successor(context, terms, source, observed)? else { return Ok(false) };
    let (name, now) = (authority.root_secret_name(), context.clock.now());
    let mut secret = root_creation::new(terms, &context.namespace, &name, &pem, origin, now);
    root_creation::answers(&mut secret, request(authority));
    root_creation::recovered(&mut secret, recovery, now);
    keep_evidence_key(&mut secret, authority, observed)?;
    match &observed.version {
        None => drop(context.requests.create_secret(&secret, WRITE_TIMEOUT).await?),
        Some(version) => {
            let patch = root_creation::over(&secret, version);
            context.requests.patch_secret(&context.namespace, &name, patch, WRITE_TIMEOUT).await?;
        }
    }
    tracing::warn!(authority = terms.name, secret = name, "went on without the lost root, as accepted");
    Ok(true)
}

/// A Secret keeps its evidence key, whatever root it holds. Where it is another one than status names, that one was lost, too.
fn keep_evidence_key(
    secret: &mut Secret,
    authority: &MtlsAuthority,
    observed: &Observed,
) -> Result<(), Error> {
    let key = match &observed.loaded.succession.evidence_key {
        Some(key) => key.clone(),
        None => EvidenceKey::random()?,
    };
    let named = authority.status.as_ref().and_then(|status| status.evidence_key_id.as_deref());
    root_creation::proves(secret, &key, named.filter(|named| *named != key.id()));
    Ok(())
}

/// The patch that gives a root Secret of an older version what proofs of statuses are made with.
pub(super) fn with_evidence_key(version: &str) -> Result<Value, Error> {
    let mut patch = Patch::default();
    patch.octets(key::EVIDENCE_KEY, EvidenceKey::random()?.octets());
    Ok(patch.over(version))
}

/// A root signs where none has signed.
pub(super) async fn create(
    context: &Context,
    authority: &MtlsAuthority,
    terms: &Terms,
    pem: &AuthorityPem,
    origin: Origin,
) -> Result<(), Error> {
    let (name, now) = (authority.root_secret_name(), context.clock.now());
    let mut secret = root_creation::new(terms, &context.namespace, &name, pem, origin, now);
    root_creation::answers(&mut secret, request(authority));
    root_creation::proves(&mut secret, &EvidenceKey::random()?, None);
    context.requests.create_secret(&secret, WRITE_TIMEOUT).await?;
    tracing::info!(authority = terms.name, secret = name, ?origin, "stored a new root");
    Ok(())
}
