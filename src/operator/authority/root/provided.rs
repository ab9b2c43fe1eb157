//! Reads the provided CA. Its Secret is an input: it is read, never written.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;

use super::ca_pem::pem;
use super::loaded_ca::{LoadedCa, LoadedRoot};
use crate::api::MtlsAuthority;
use crate::api::names::annotation;
use crate::operator::context::Context;
use crate::operator::error::Error;
use crate::pki::{Authority, AuthorityPem, ChainTop, LoadError};
use crate::plan::authority::ca_state::Provided;
use crate::plan::authority::provided_secret::ProvidedSecret;
use crate::plan::authority::spec::AuthoritySpec;

/// The provided CA for the decision, and as PEM where it is sound.
///
/// # Errors
/// [`Error`] where the Secret cannot be read.
pub async fn provided(
    context: &Context,
    authority: &MtlsAuthority,
    spec: &AuthoritySpec,
    loaded: &LoadedRoot,
) -> Result<(Provided, Option<AuthorityPem>), Error> {
    let Some(name) = authority.provided_secret_name() else { return Ok((Provided::NotAsked, None)) };
    let Some(secret) = context.client.secret(&context.namespace, name).await? else {
        let place = format!("Secret {}/{name}", context.namespace);
        let why = format!("{place}, which spec.root.provided.secretName names, does not exist; create it");
        return Ok((Provided::Missing(why), None));
    };
    let input = input(&context.namespace, name, &secret);
    let pem = pem(&secret);
    Ok(match sound(&input, &pem, spec, loaded, context.clock.now()) {
        Ok(provided) => (provided, Some(pem)),
        Err(why) => (Provided::Invalid(why), None),
    })
}

fn input<'a>(namespace: &'a str, name: &'a str, secret: &'a Secret) -> ProvidedSecret<'a> {
    let annotations = secret.metadata.annotations.as_ref();
    let provides_for = annotations.and_then(|notes| notes.get(annotation::PROVIDES_FOR));
    let type_ = secret.type_.as_deref().unwrap_or_default();
    ProvidedSecret { namespace, name, type_, provides_for: provides_for.map(String::as_str) }
}

/// The CA, or why it is not used. Nothing else is reported of a Secret that does not consent to this authority.
fn sound(
    input: &ProvidedSecret<'_>,
    pem: &AuthorityPem,
    spec: &AuthoritySpec,
    loaded: &LoadedRoot,
    now: Timestamp,
) -> Result<Provided, String> {
    let found = Authority::load_provided(pem, now);
    let is_copied = |ca: &Authority| {
        let held = loaded.held().map(LoadedCa::state);
        held.is_some_and(|held| held.has_copy_of(&ca.fingerprint().to_string(), &ca.anchors().hash()))
    };
    if let Some(why) = input.refusal(&spec.name, found.as_ref().is_ok_and(is_copied)) {
        return Err(why);
    }
    let ca = found.map_err(|error| unusable(input, pem, &error))?;
    if ca.is_any_of(&spec.distrust) {
        let place = input.describe();
        return Err(format!(
            "{place}: spec.distrustedRoots or status.distrusted names this CA or one above it; provide another"
        ));
    }
    Ok(Provided::Sound { fingerprint: ca.fingerprint().to_string(), anchors: ca.anchors().hash() })
}

fn unusable(input: &ProvidedSecret<'_>, pem: &AuthorityPem, error: &LoadError) -> String {
    if matches!(error, LoadError::Anchors(_)) && pem.anchors.trim_ascii().is_empty() {
        return input.missing_anchors_message(ChainTop::of(&pem.chain).as_ref());
    }
    format!("{}: {error}", input.describe())
}
