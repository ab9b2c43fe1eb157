//! What a fresh list of Secrets shows of a rotation.
//!
//! What a Secret says of itself counts only where its identity names it: users can copy and edit Secrets.

use std::collections::{BTreeMap, HashMap};

use k8s_openapi::api::core::v1::Secret;
use kube::core::PartialObjectMeta;

use crate::api::MtlsIdentity;
use crate::api::names::{annotation, label};
use crate::api::namespaced_name::NamespacedName;
use crate::operator::index::identity::IdentityEntry;
use crate::operator::index::issuer::{IssuerEntry, lags};
use crate::operator::index::leaf_secret::SecretEntry;
use crate::operator::scheduler::Scheduler;

/// The Secrets of a fresh list, by name.
pub struct FreshList(HashMap<NamespacedName, ListedSecret>);

struct ListedSecret {
    entry: SecretEntry,
    claim: OwnershipClaim,
}

/// A Secret's claim to belong to an identity of its namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnershipClaim {
    /// Name of the Secret.
    pub secret: String,
    /// The identity.
    pub identity: NamespacedName,
    /// Uid of the identity.
    pub uid: String,
}

impl OwnershipClaim {
    /// Whether it is true. A Secret can be copied with all that it says, but an identity has one only.
    #[must_use]
    pub fn is_true(&self, identity: &MtlsIdentity) -> bool {
        let meta = &identity.metadata;
        // A spec that cannot be read does not say which Secret the identity wants.
        let wants_it = identity.spec.unreadable.is_some() || identity.secret_name() == self.secret;
        meta.uid.as_ref() == Some(&self.uid) && meta.deletion_timestamp.is_none() && wants_it
    }
}

impl FreshList {
    /// The Secrets of a list.
    #[must_use]
    pub fn of(list: &[PartialObjectMeta<Secret>]) -> Self {
        let secrets = list.iter().map(|meta| {
            let namespace = meta.metadata.namespace.clone().unwrap_or_default();
            let name = meta.metadata.name.clone().unwrap_or_default();
            let entry = SecretEntry::of(meta, namespace.as_str().into());
            let identity = value(meta.metadata.labels.as_ref(), label::IDENTITY);
            let claim = OwnershipClaim {
                secret: name.clone(),
                identity: NamespacedName::new(namespace.clone(), identity),
                uid: value(meta.metadata.annotations.as_ref(), annotation::IDENTITY_UID),
            };
            (NamespacedName { namespace, name }, ListedSecret { entry, claim })
        });
        Self(secrets.collect())
    }

    /// The Secret of an identity.
    #[must_use]
    pub fn secret(&self, entry: &IdentityEntry) -> Option<&SecretEntry> {
        let name = NamespacedName::new(&*entry.namespace, entry.secret_name());
        self.0.get(&name).map(|listed| &listed.entry)
    }

    /// How many are newer than the index: the watch has not delivered yet what they were before. What was deleted while the
    /// list was made is in the index already.
    #[must_use]
    pub fn newer_than_index(&self, scheduler: &Scheduler) -> usize {
        let index = scheduler.index();
        let is_newer = |secret: &&SecretEntry| {
            let known = index.secret(&secret.namespace, &secret.name);
            known.is_none_or(|known| known.version < secret.version) && !index.has_deleted_secret(secret)
        };
        self.0.values().map(|listed| &listed.entry).filter(is_newer).count()
    }

    /// The claims of Secrets that are behind, to identities that the index does not know.
    #[must_use]
    pub fn lagging_unindexed(
        &self,
        scheduler: &Scheduler,
        issuer: &IssuerEntry,
        now: i64,
    ) -> Vec<OwnershipClaim> {
        let index = scheduler.index();
        let is_indexed = |listed: &&ListedSecret| {
            let (secret, OwnershipClaim { secret: name, identity, .. }) = (&listed.entry, &listed.claim);
            let named = index.find(&identity.namespace, &identity.name);
            let mut owners = index.targeting(&identity.namespace, name).into_iter().chain(named);
            owners.any(|id| index.entry(id).is_some_and(|entry| Some(entry.uid) == secret.identity_uid))
        };
        let behind = self.0.values().filter(|listed| lags(&listed.entry, issuer, now));
        let claims = behind.filter(|listed| !is_indexed(listed)).map(|listed| listed.claim.clone());
        claims.filter(|claim| !claim.identity.name.is_empty()).collect()
    }
}

fn value(pairs: Option<&BTreeMap<String, String>>, key: &str) -> String {
    pairs.and_then(|pairs| pairs.get(key)).cloned().unwrap_or_default()
}
