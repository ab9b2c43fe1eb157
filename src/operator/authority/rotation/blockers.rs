//! What a rotation waits for: identities by their Secrets, published trust bundles, and probed endpoints.
//!
//! Only what exists is waited for, and nothing for longer than the last leaf of a retiring signer can be valid.

use std::collections::BTreeSet;

use super::exclusions::Exclusions;
use crate::api::authority::{WaitingFor, WaitingKind};
use crate::api::namespaced_name::NamespacedName;
use crate::operator::index::IdentityId;
use crate::operator::index::digest::{Digest, digest};
use crate::operator::index::identity::IdentityEntry;
use crate::operator::index::issuer::{IssuerEntry, holds_retiring, lags};
use crate::operator::index::leaf_secret::SecretEntry;
use crate::operator::probe::store::BlockingEndpoint;
use crate::operator::scheduler::Scheduler;

/// Most names of each kind in status and in sentences; all are counted.
pub(in crate::operator::authority) const MAX_NAMES: usize = 10;

/// What a rotation waits for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blockers {
    /// How many identities, whose Secrets are behind.
    pub behind: usize,
    /// The first of them, as `<namespace>/<name>`, in their order.
    pub names: Vec<String>,
    /// How many endpoints were not seen to trust the announced root yet.
    pub distrusting_endpoints: usize,
    /// The first of them, as `<namespace>/<name> <address>`, in their order.
    pub endpoints: Vec<String>,
    /// How many bundles are behind.
    pub bundles: usize,
    /// The first of them, in their order.
    pub bundle_names: Vec<String>,
    /// Whether bundles are among them of which it is not known yet whether they are behind.
    pub are_bundles_unknown: bool,
    /// What is behind and excluded by the annotation `rotation-exclude`.
    pub excluded: Vec<String>,
    /// Entries of that annotation that name nothing that exists.
    pub unknown: Vec<String>,
    /// Why it is not confirmed that nothing is behind: a clause.
    pub unconfirmed: Option<String>,
}

impl Blockers {
    /// Whether a Secret or bundle is behind.
    #[must_use]
    pub const fn is_behind(&self) -> bool {
        self.behind > 0 || self.bundles > 0
    }

    /// The same with what was found of bundles.
    #[must_use]
    pub fn with_bundles(mut self, bundles: BundleBlockers) -> Self {
        self.bundles = bundles.behind.len();
        self.are_bundles_unknown = bundles.are_unknown;
        self.bundle_names = bundles.behind;
        self.bundle_names.sort_unstable();
        self.bundle_names.truncate(MAX_NAMES);
        self.excluded.extend(bundles.excluded);
        self.excluded.sort_unstable();
        self
    }

    /// The same with the identities of these names besides.
    #[must_use]
    pub fn with_identities(mut self, names: &BTreeSet<NamespacedName>, exclusions: &Exclusions) -> Self {
        for name in names {
            self.add_identity(&name.namespace, &name.name, exclusions);
        }
        self.in_order()
    }

    fn add_identity(&mut self, namespace: &str, name: &str, exclusions: &Exclusions) {
        let text = format!("{namespace}/{name}");
        if exclusions.has_identity(namespace, name) {
            self.excluded.push(text);
        } else {
            self.behind += 1;
            self.names.push(text);
        }
    }

    fn in_order(mut self) -> Self {
        self.names.sort_unstable();
        self.names.truncate(MAX_NAMES);
        self.excluded.sort_unstable();
        self
    }

    /// What status says of it: by kind, without those that are not waited for.
    #[must_use]
    pub fn waiting_for(&self) -> Vec<WaitingFor> {
        let kinds = [
            (WaitingKind::Identity, self.behind, &self.names),
            (WaitingKind::TrustBundle, self.bundles, &self.bundle_names),
            (WaitingKind::Endpoint, self.distrusting_endpoints, &self.endpoints),
        ];
        let waited = kinds.into_iter().filter(|(_, count, _)| *count > 0);
        let waited = waited.map(|(kind, count, first)| WaitingFor {
            kind: kind.as_str().into(),
            count: i64::try_from(count).unwrap_or(i64::MAX),
            first: first.clone(),
        });
        waited.collect()
    }

    /// How many Secrets, bundles and endpoints a rotation waits for; `None` while that is not known.
    #[must_use]
    pub fn count(&self) -> Option<usize> {
        (!self.are_bundles_unknown).then_some(self.behind + self.bundles + self.distrusting_endpoints)
    }

    /// Adds the endpoints that probes have seen not to trust the announced root.
    pub fn add_endpoints(&mut self, endpoints: &[BlockingEndpoint], exclusions: &Exclusions) {
        let is_excluded = |endpoint: &&BlockingEndpoint| {
            exclusions.has_identity(&endpoint.identity.namespace, &endpoint.identity.name)
        };
        let (excluded, waited): (Vec<&BlockingEndpoint>, Vec<&BlockingEndpoint>) =
            endpoints.iter().partition(is_excluded);
        self.distrusting_endpoints = waited.len();
        let names = waited.iter().map(|endpoint| format!("{} {}", endpoint.identity, endpoint.address));
        self.endpoints = names.take(MAX_NAMES).collect();
        self.excluded.extend(excluded.into_iter().map(|endpoint| endpoint.identity.to_string()));
        self.excluded.sort_unstable();
        self.excluded.dedup();
    }
}

/// Published trust bundles that are behind, by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BundleBlockers {
    /// Those that are waited for.
    pub behind: Vec<String>,
    /// Those that the annotation `rotation-exclude` excludes.
    pub excluded: Vec<String>,
    /// Whether some of them are not known yet.
    pub are_unknown: bool,
}

/// What is known of the Secret of an identity.
#[derive(Clone, Copy, Debug)]
pub enum SecretSighting<'a> {
    /// It is there, like this.
    Seen(&'a SecretEntry),
    /// It is there, and not behind.
    Current,
    /// It is not there.
    Unseen,
}

/// Which identities of an authority are behind in a rotation.
#[derive(Clone, Copy)]
pub struct BlockerQuery<'a> {
    /// Name of the authority.
    pub authority: Digest,
    /// What its Secrets have to follow.
    pub issuer: &'a IssuerEntry,
    /// What is not waited for.
    pub exclusions: &'a Exclusions,
    /// This moment, in seconds since 1970.
    pub now: i64,
}

impl<'a> BlockerQuery<'a> {
    /// For an authority of this name.
    #[must_use]
    pub fn new(authority: &str, issuer: &'a IssuerEntry, exclusions: &'a Exclusions, now: i64) -> Self {
        Self { authority: digest(authority), issuer, exclusions, now }
    }

    /// Finds them. `secret` finds the Secret of an identity.
    ///
    /// Counted is the Secret of an identity that exists with the uid that the Secret names, and is not being deleted. A Secret
    /// without its labels, or that has just been deleted, is not seen: its identity counts as lacking the next root, and as
    /// holding the leaf that status speaks of. An identity that never had a Secret, or can have none again, is not waited for.
    pub fn find<'s>(
        &self,
        scheduler: &Scheduler,
        secret: impl Fn(IdentityId, &IdentityEntry) -> SecretSighting<'s>,
    ) -> Blockers {
        let is_behind = |id, entry: &IdentityEntry| match secret(id, entry) {
            SecretSighting::Seen(secret) => {
                secret.identity_uid == Some(entry.uid) && lags(secret, self.issuer, self.now)
            }
            SecretSighting::Current => false,
            SecretSighting::Unseen => {
                !is_terminating(scheduler, &entry.namespace) && self.is_behind_unseen(entry)
            }
        };
        let counted = |entry: &IdentityEntry| entry.authority == self.authority && !entry.is_deleting;
        let mut blockers = Blockers::default();
        for (id, entry) in scheduler.index().entries() {
            if !counted(entry) || !is_behind(id, entry) {
                continue;
            }
            blockers.add_identity(&entry.namespace, entry.name(), self.exclusions);
        }
        blockers.in_order()
    }

    /// The same as [`lags`] for a Secret that is not seen.
    fn is_behind_unseen(&self, entry: &IdentityEntry) -> bool {
        let (recorded, issuer) = (&entry.recorded, self.issuer);
        let not_after = recorded.not_after;
        let holds = || not_after.is_some() && holds_retiring(recorded.key_id, not_after, issuer, self.now);
        recorded.secret_version.is_some() && (issuer.rotation.is_announced || holds())
    }
}

/// Whether no Secret can be created in a namespace any more.
fn is_terminating(scheduler: &Scheduler, namespace: &str) -> bool {
    scheduler.policy().namespace(namespace).is_some_and(|namespace| namespace.is_terminating)
}
