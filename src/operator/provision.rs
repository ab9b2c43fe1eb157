//! The CA that people provide, as it is found: read, never written.

use super::context::Context;
use super::error::Error;
use super::root_secret;
use crate::api::MtlsAuthority;
use crate::pki::{Authority, AuthorityPem};
use crate::plan::root::Provided;
use crate::plan::terms::Terms;

/// What they provide, judged, and as it lies there where it is sound.
///
/// # Errors
/// [`Error`] where the Secret cannot be read.
pub async fn provided(
    context: &Context,
    authority: &MtlsAuthority,
    terms: &Terms,
) -> Result<(Provided, Option<AuthorityPem>), Error> {
    let Some(name) = authority.provided_secret_name() else { return Ok((Provided::NotAsked, None)) };
    let place = format!("Secret {}/{name}", context.namespace);
    let Some(secret) = context.requests.secret(&context.namespace, name).await? else {
        let why = format!("{place}, which spec.root.provided.secretName names, does not exist; create it");
        return Ok((Provided::Missing(why), None));
    };
    let pem = root_secret::pem(&secret);
    Ok(match Authority::load_provided(&pem, context.clock.now()) {
        Ok(ca) if ca.is_any_of(&terms.distrust) => {
            let why = format!(
                "{place}: spec.distrustedRoots or status.distrusted names this CA or one above it; provide another"
            );
            (Provided::Invalid(why), None)
        }
        Ok(ca) => {
            let (fingerprint, anchors) = (ca.fingerprint().to_string(), ca.bundle().hash());
            (Provided::Sound { fingerprint, anchors }, Some(pem))
        }
        Err(error) => (Provided::Invalid(format!("{place}: {error}")), None),
    })
}
