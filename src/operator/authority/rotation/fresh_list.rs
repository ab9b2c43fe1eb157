//! What a fresh list of Secrets shows of a rotation. Whatever a Secret says of itself counts only where its identity wants
//! it: people copy Secrets, and may write to them.

use std::collections::{BTreeMap, HashMap};

use k8s_openapi::api::core::v1::Secret;
use kube::core::PartialObjectMeta;

use crate::api::MtlsIdentity;
use crate::api::names::{annotation, label};
use crate::operator::index::identity::IdentityEntry;
use crate::operator::index::issuer::{IssuerEntry, lags};
use crate::operator::index::leaf_secret::SecretEntry;
use crate::operator::scheduler::Scheduler;

/// Secrets as a fresh list names them, by namespace and name.
pub struct FreshList(HashMap<(String, String), ListedSecret>);

struct ListedSecret {
    seen: SecretEntry,
    claim: Claim,
}

/// A Secret that says whose it is, of an identity that the index does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Namespace of both.
    pub namespace: String,
    /// Name of the Secret.
    pub secret: String,
    /// Name of the identity.
    pub identity: String,
    /// Uid of the identity.
    pub uid: String,
}

impl Claim {
    /// Whether it is true. Anybody may copy a Secret with all that it says, but an identity has one only.
    #[must_use]
    pub fn is_true(&self, identity: &MtlsIdentity) -> bool {
        let meta = &identity.metadata;
        // A spec that cannot be read does not say which Secret the identity wants.
        let wants_it = identity.spec.unreadable.is_some() || identity.secret_name() == self.secret;
        meta.uid.as_ref() == Some(&self.uid) && meta.deletion_timestamp.is_none() && wants_it
    }
}

impl FreshList {
    /// Those of a list.
    #[must_use]
    pub fn of(list: &[PartialObjectMeta<Secret>]) -> Self {
        let secrets = list.iter().map(|meta| {
            let namespace = meta.metadata.namespace.clone().unwrap_or_default();
            let name = meta.metadata.name.clone().unwrap_or_default();
            let seen = SecretEntry::of(meta, namespace.as_str().into());
            let claim = Claim {
                namespace: namespace.clone(),
                secret: name.clone(),
                identity: value(meta.metadata.labels.as_ref(), label::IDENTITY),
                uid: value(meta.metadata.annotations.as_ref(), annotation::IDENTITY_UID),
            };
            ((namespace, name), ListedSecret { seen, claim })
        });
        Self(secrets.collect())
    }

    /// The Secret of an identity.
    #[must_use]
    pub fn secret(&self, entry: &IdentityEntry) -> Option<&SecretEntry> {
        self.0.get(&(entry.namespace.to_string(), entry.secret_name())).map(|listed| &listed.seen)
    }

    /// How many are newer than the index: what they were before is not told yet. Of what was deleted while the list was
    /// made, all was told.
    #[must_use]
    pub fn untold(&self, board: &Scheduler) -> usize {
        let index = board.index();
        let is_untold = |secret: &&SecretEntry| {
            let known = index.secret(&secret.namespace, &secret.name);
            known.is_none_or(|known| known.version < secret.version) && !index.has_deleted_secret(secret)
        };
        self.0.values().map(|listed| &listed.seen).filter(is_untold).count()
    }

    /// The Secrets that are behind, and claimed for identities that the index does not know.
    #[must_use]
    pub fn unknown_behind(&self, board: &Scheduler, signer: &IssuerEntry, now: i64) -> Vec<Claim> {
        let index = board.index();
        let is_known = |listed: &&ListedSecret| {
            let (secret, claim) = (&listed.seen, &listed.claim);
            let named = index.find(&claim.namespace, &claim.identity);
            let mut owners = index.targeting(&claim.namespace, &claim.secret).into_iter().chain(named);
            owners.any(|id| index.entry(id).is_some_and(|entry| Some(entry.uid) == secret.identity_uid))
        };
        let behind = self.0.values().filter(|listed| lags(&listed.seen, signer, now));
        let claims = behind.filter(|listed| !is_known(listed)).map(|listed| listed.claim.clone());
        claims.filter(|claim| !claim.identity.is_empty()).collect()
    }
}

fn value(pairs: Option<&BTreeMap<String, String>>, key: &str) -> String {
    pairs.and_then(|pairs| pairs.get(key)).cloned().unwrap_or_default()
}
