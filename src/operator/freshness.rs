//! Invariant I9: a replica signs only with a root Secret that it has read, or confirmed by a read, within F, by the
//! monotonic and by the wall clock.

use super::context::Context;
use super::error::Error;
use super::issuers::{ClockReading, SigningCa};
use crate::plan::authority::spec::AuthoritySpec;

/// Makes sure that a CA may sign now: that its root Secret was read, or is read now and found unchanged, within F.
///
/// # Errors
/// [`Error::Stale`] where the root Secret has changed.
pub async fn ensure_fresh(context: &Context, ca: &SigningCa, spec: &AuthoritySpec) -> Result<(), Error> {
    let now = ClockReading::now(&context.clock);
    if ca.is_confirmed_within(spec.timing().freshness, now) {
        return Ok(());
    }
    let namespace = &context.namespace;
    let found = context.client.secret_metadata(namespace, &ca.secret_name).await?;
    let version = found.and_then(|secret| secret.metadata.resource_version);
    if version.as_deref() != Some(&*ca.version) {
        context.authorities.change(|authorities| authorities.requeue_at(&spec.name, 0));
        return Err(Error::Stale { what: format!("root Secret {namespace}/{}", ca.secret_name) });
    }
    // The moment before the read: the Secret was unchanged then.
    ca.confirmed_at(now);
    Ok(())
}
