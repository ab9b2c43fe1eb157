//! Roots that take a place: beside or after one that signs, where there was none, or where one was lost. Keys of roots are
//! made here, and nowhere else.

use super::context::Context;
use super::error::Error;
use super::requests::WRITE_TIMEOUT;
use super::root_creation;
use super::root_look::{Observed, request};
use super::root_notes::Origin;
use super::wiped::WipedSecret;
use crate::api::MtlsAuthority;
use crate::pki::{Authority, AuthorityPem};
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
    let secret = WipedSecret::from(secret);
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
    let secret = WipedSecret::from(secret);
    context.requests.create_secret(&secret, WRITE_TIMEOUT).await?;
    tracing::info!(authority = terms.name, secret = name, ?origin, "stored a new root");
    Ok(())
}
