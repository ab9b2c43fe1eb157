//! Which of the identities that Secrets name are worth reading.
//!
//! Users of a namespace can write such names by the thousand. Where a namespace has many, its identities are listed by their names
//! alone, and what does not exist is not read: what that takes is bounded by what exists, not by what is claimed.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::MtlsIdentity;
use crate::api::namespaced_name::NamespacedName;
use crate::operator::client::api_object::MetadataOf;
use crate::operator::context::Context;
use crate::operator::error::Error;
use crate::operator::index::metadata::NameOnly;

/// So many names of a namespace are read without a list: no more than a page of one takes.
const FEW: usize = 32;

/// Those of these identities that are to be read: ones that the index knows, few others of each namespace, or ones that exist.
///
/// # Errors
/// [`Error`] where identities cannot be listed.
pub async fn worth_reading(
    context: &Context,
    names: impl IntoIterator<Item = NamespacedName>,
) -> Result<BTreeSet<NamespacedName>, Error> {
    let (mut found, others): (BTreeSet<_>, BTreeSet<_>) =
        names.into_iter().partition(|identity| is_indexed(context, identity));
    let mut by_namespace = BTreeMap::<String, BTreeSet<String>>::new();
    for NamespacedName { namespace, name } in others {
        by_namespace.entry(namespace).or_default().insert(name);
    }
    for (namespace, names) in by_namespace {
        let names = if names.len() > FEW { existing(context, &namespace, &names).await? } else { names };
        found.extend(names.into_iter().map(|name| NamespacedName::new(&*namespace, name)));
    }
    Ok(found)
}

/// Whether the index knows an identity.
#[must_use]
pub fn is_indexed(context: &Context, NamespacedName { namespace, name }: &NamespacedName) -> bool {
    context.scheduler.lock().index().find(namespace, name).is_some()
}

/// Those of these names that a fresh list of the namespace shows.
async fn existing(
    context: &Context,
    namespace: &str,
    names: &BTreeSet<String>,
) -> Result<BTreeSet<String>, Error> {
    let mut pages = context.client.list_all::<MetadataOf<MtlsIdentity, NameOnly>>(Some(namespace));
    let mut found = BTreeSet::new();
    while let Some(page) = pages.next().await? {
        let shown = page.items.into_iter().map(|identity| identity.metadata.name);
        found.extend(shown.filter(|name| names.contains(name)));
    }
    Ok(found)
}
