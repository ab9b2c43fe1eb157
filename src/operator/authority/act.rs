//! Roots that take a place: beside or after one that signs, where there was none, or where one was lost. Keys of roots are
//! made here, and nowhere else.

use k8s_openapi::api::core::v1::Secret;

use super::observe::ObservedRoot;
use crate::api::MtlsAuthority;
use crate::api::authority::Phase;
use crate::api::names::key;
use crate::operator::authority::root::creation;
use crate::operator::authority::root::patch::RootPatch;
use crate::operator::authority::root::read_back::read_back;
use crate::operator::client::WRITE_TIMEOUT;
use crate::operator::client::wiped_secret::WipedSecret;
use crate::operator::context::Context;
use crate::operator::error::Error;
use crate::pki::{Authority, AuthorityPem, EvidenceKey};
use crate::plan::authority::origin::Origin;
use crate::plan::authority::spec::AuthoritySpec;
use crate::plan::authority::transition::NextRoot;

/// What became of a plan.
pub(super) enum Done {
    /// Nothing was written: what it needs is gone.
    Nothing,
    /// It was carried out.
    Written,
    /// Nothing was written, because the operator could not read the result: a sentence that says why.
    Unreadable(String),
}

/// The CA that takes the signer's place.
pub(super) fn successor(
    context: &Context,
    terms: &AuthoritySpec,
    next: NextRoot,
    observed: &ObservedRoot,
) -> Result<Option<AuthorityPem>, Error> {
    Ok(match next {
        NextRoot::New(Origin::Generated) => Some(generate(context, terms)?),
        NextRoot::New(Origin::Provided) => observed.provided.clone(),
        NextRoot::Existing => observed.next(),
    })
}

/// A root that nobody has seen.
pub(super) fn generate(context: &Context, terms: &AuthoritySpec) -> Result<AuthorityPem, Error> {
    let now = context.signing_time()?;
    Ok(Authority::generate(&terms.name, terms.root_algorithm, terms.root_ttl, now)?)
}

/// Another root signs from now on, and what is left of the lost one stays trusted.
pub(super) async fn go_on(
    context: &Context,
    authority: &MtlsAuthority,
    terms: &AuthoritySpec,
    observed: &ObservedRoot,
) -> Result<Done, Error> {
    let Some(recovery) = &observed.recovery else { return Ok(Done::Nothing) };
    let (pem, origin) = match &observed.provided {
        Some(pem) => (pem.clone(), Origin::Provided),
        None => (generate(context, terms)?, Origin::Generated),
    };
    let (name, now) = (authority.root_secret_name(), context.clock.now());
    let mut secret = creation::new(terms, &context.namespace, &name, &pem, origin, now);
    creation::record_rotate_request(&mut secret, authority.rotate_request());
    creation::set_recovery(&mut secret, recovery, now);
    keep_evidence_key(&mut secret, authority, observed)?;
    let secret = WipedSecret::from(secret);
    let done = match &observed.secret {
        None => stored(context, terms, &secret, Phase::Draining).await?,
        Some(found) => {
            let patch = creation::replacement(&secret);
            patched(context, terms, found, &patch, Phase::Draining).await?
        }
    };
    if matches!(done, Done::Written) {
        tracing::warn!(authority = terms.name, secret = name, "went on without the lost root, as accepted");
    }
    Ok(done)
}

/// A Secret keeps its evidence key, whatever root it holds. Where it is another one than status names, that one was lost, too.
fn keep_evidence_key(
    secret: &mut Secret,
    authority: &MtlsAuthority,
    observed: &ObservedRoot,
) -> Result<(), Error> {
    let key = match observed.loaded.held().and_then(|ca| ca.evidence_key.as_ref()) {
        Some(key) => key.clone(),
        None => EvidenceKey::random()?,
    };
    let named = authority.status.as_ref().and_then(|status| status.evidence_key_id.as_deref());
    creation::set_evidence_key(secret, &key, named.filter(|named| *named != key.id()));
    Ok(())
}

/// Gives a root Secret of an older version what proofs of statuses are made with.
pub(super) async fn add_evidence_key(
    context: &Context,
    terms: &AuthoritySpec,
    observed: &ObservedRoot,
) -> Result<Done, Error> {
    let Some((secret, ca)) = observed.secret.as_ref().zip(observed.loaded.held()) else {
        return Ok(Done::Nothing);
    };
    let mut patch = RootPatch::default();
    patch.set_octets(key::EVIDENCE_KEY, EvidenceKey::random()?.octets());
    patched(context, terms, secret, &patch, ca.phase).await
}

/// A root signs where none has signed.
pub(super) async fn create(
    context: &Context,
    authority: &MtlsAuthority,
    terms: &AuthoritySpec,
    pem: &AuthorityPem,
    origin: Origin,
) -> Result<Done, Error> {
    let (name, now) = (authority.root_secret_name(), context.clock.now());
    let mut secret = creation::new(terms, &context.namespace, &name, pem, origin, now);
    creation::record_rotate_request(&mut secret, authority.rotate_request());
    creation::set_evidence_key(&mut secret, &EvidenceKey::random()?, None);
    stored(context, terms, &secret.into(), Phase::Stable).await
}

/// Creates a root Secret that can be read.
async fn stored(
    context: &Context,
    terms: &AuthoritySpec,
    secret: &WipedSecret,
    phase: Phase,
) -> Result<Done, Error> {
    let place = place(secret);
    if let Err(why) = read_back(secret, terms, &place, phase, context.clock.now()) {
        return Ok(Done::Unreadable(why));
    }
    context.requests.create_secret(secret, WRITE_TIMEOUT).await?;
    tracing::info!(authority = terms.name, secret = place, "stored a new root");
    Ok(Done::Written)
}

/// Changes a root Secret to one that can be read.
pub(super) async fn patched(
    context: &Context,
    terms: &AuthoritySpec,
    secret: &Secret,
    patch: &RootPatch,
    phase: Phase,
) -> Result<Done, Error> {
    let after = WipedSecret::from(patch.applied_to(secret));
    if let Err(why) = read_back(&after, terms, &place(secret), phase, context.clock.now()) {
        return Ok(Done::Unreadable(why));
    }
    let meta = &secret.metadata;
    let (name, version) = (meta.name.as_deref(), meta.resource_version.as_deref());
    let request = patch.at_version(version.unwrap_or_default());
    context
        .requests
        .patch_secret(&context.namespace, name.unwrap_or_default(), request, WRITE_TIMEOUT)
        .await?;
    Ok(Done::Written)
}

fn place(secret: &Secret) -> String {
    let meta = &secret.metadata;
    format!("{}/{}", meta.namespace.as_deref().unwrap_or_default(), meta.name.as_deref().unwrap_or_default())
}
