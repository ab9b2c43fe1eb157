//! Identities that only a fresh list shows: their Secrets name them, and the index does not have them yet.
//!
//! Users of a namespace can write such claims by the thousand: an identity is read once, however many Secrets claim it, and one
//! that does not exist is not, where many are claimed.

use std::collections::BTreeMap;

use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::fresh_list::OwnershipClaim;
use crate::api::MtlsIdentity;
use crate::api::namespaced_name::NamespacedName;
use crate::operator::authority::named_identities::worth_reading;
use crate::operator::client::AT_ONCE;
use crate::operator::context::Context;
use crate::operator::error::Error;

/// The identities of those claims that are true.
///
/// # Errors
/// [`Error`] where one cannot be read.
pub async fn owners(context: &Context, claims: Vec<OwnershipClaim>) -> Result<Vec<NamespacedName>, Error> {
    let mut claims_of = BTreeMap::<NamespacedName, Vec<OwnershipClaim>>::new();
    for claim in claims {
        claims_of.entry(claim.identity.clone()).or_default().push(claim);
    }
    let read = worth_reading(context, claims_of.keys().cloned()).await?;
    claims_of.retain(|identity, _| read.contains(identity));
    let read = stream::iter(claims_of).map(|(identity, claims)| owner(context, identity, claims));
    let found: Vec<Option<NamespacedName>> = read.buffer_unordered(AT_ONCE).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

/// An identity, where one of these claims is true. One that cannot be parsed exists, and is waited for by its name.
async fn owner(
    context: &Context,
    identity: NamespacedName,
    claims: Vec<OwnershipClaim>,
) -> Result<Option<NamespacedName>, Error> {
    let NamespacedName { namespace, name } = &identity;
    let is_owner = match context.client.read::<MtlsIdentity>(Some(namespace), name).await {
        Err(Error::Unreadable { .. }) => true,
        found => found?.is_some_and(|identity| claims.iter().any(|claim| claim.is_true(&identity))),
    };
    Ok(is_owner.then_some(identity))
}
