//! What a rotation waits for: by the index, at each reconcile of the authority, and by a fresh list, right before a change
//! that rests on it.
//!
//! The index lags, and never decides alone: a change is made only after a fresh list has shown the same.

use std::collections::BTreeSet;

use super::blockers::{BlockerQuery, Blockers, SecretSighting};
use super::bundles;
use super::exclusions::Exclusions;
use super::fresh_list::FreshList;
use super::quiet_period::{Lag, RotationQuietPeriod};
use super::unindexed::owners;
use crate::api::authority::{AuthorityRequests, Phase};
use crate::api::namespaced_name::NamespacedName;
use crate::operator::authority::consumers::Consumers;
use crate::operator::authority::root::loaded_ca::{LoadedCa, LoadedRoot};
use crate::operator::client::scoped_pages::ScopedPage;
use crate::operator::error::Error;
use crate::operator::index::identity::IdentityEntry;
use crate::operator::index::issuer::IssuerEntry;
use crate::plan::authority::quiet_period::Distribution;
use crate::plan::authority::spec::AuthoritySpec;

/// What a fresh list says of a change that rests on it.
#[derive(Debug)]
pub enum Confirmation {
    /// Nothing is behind.
    Confirmed,
    /// The change waits for these.
    Blocked(Blockers),
}

/// The root of an authority, whose rotation may be under way, and what the rotation is not to wait for.
pub struct RotationGate<'a> {
    consumers: &'a Consumers,
    spec: &'a AuthoritySpec,
    loaded: &'a LoadedRoot,
    exclusions: Exclusions,
}

impl<'a> RotationGate<'a> {
    /// The gate of an authority with these requests.
    #[must_use]
    pub fn new(
        consumers: &'a Consumers,
        spec: &'a AuthoritySpec,
        loaded: &'a LoadedRoot,
        requests: AuthorityRequests<'_>,
    ) -> Self {
        let served = loaded.held().and_then(|ca| ca.exclude_request.as_deref());
        Self { consumers, spec, loaded, exclusions: Exclusions::new(requests, served) }
    }

    /// The same with the requests that the authority has by now.
    #[must_use]
    pub fn now(consumers: &'a Consumers, spec: &'a AuthoritySpec, loaded: &'a LoadedRoot) -> Self {
        let authority = consumers.context().authorities.lock().get(&spec.name);
        let requests = authority.as_ref().map(|authority| authority.requests()).unwrap_or_default();
        Self::new(consumers, spec, loaded, requests)
    }

    /// What the index shows of the rotation; nothing, while there is none.
    #[must_use]
    pub fn observe(&self, quiet_period: &mut RotationQuietPeriod) -> (Distribution, Blockers) {
        let (Self { consumers, spec, loaded, exclusions }, context) = (self, self.consumers.context());
        let unknown = exclusions.unknown(&consumers.bundles, spec);
        let Some((ca, issuer)) = self.rotating() else {
            quiet_period.clear();
            return (Distribution::default(), Blockers { unknown, ..Blockers::default() });
        };
        let (identities, was_behind) = self.identities(&issuer);
        let (bundles, have_drifted) = bundles::observe(&consumers.bundles, spec, loaded, exclusions);
        let mut blockers = Blockers { unknown, ..identities.with_bundles(bundles) };
        let lag = Lag { is_behind: blockers.is_behind(), was_behind: was_behind || have_drifted };
        let distribution = quiet_period.observe(ca.phase, &issuer, lag, context.clock.monotonic());
        (self.with_endpoints(ca, distribution, &mut blockers), blockers)
    }

    /// The identities that are behind, and whether one was since the observation before this one.
    fn identities(&self, issuer: &IssuerEntry) -> (Blockers, bool) {
        let (Self { spec, exclusions, .. }, context) = (self, self.consumers.context());
        let excluded: Vec<&NamespacedName> = exclusions.identities().collect();
        let query = BlockerQuery::new(&spec.name, issuer, exclusions, context.clock.now().as_second());
        let mut scheduler = context.scheduler.lock();
        let was_behind = scheduler.take_lagging(&spec.name, &excluded);
        let indexed = |_, entry: &IdentityEntry| {
            let secret = scheduler.index().secret(&entry.namespace, &entry.secret_name());
            secret.map_or(SecretSighting::Unseen, SecretSighting::Seen)
        };
        (query.find(&scheduler, indexed), was_behind)
    }

    /// An endpoint that was seen not to trust the announced root blocks the rotation like a Secret that is behind.
    fn with_endpoints(
        &self,
        ca: &LoadedCa,
        distribution: Distribution,
        blockers: &mut Blockers,
    ) -> Distribution {
        let Some(next) = &ca.next else { return distribution };
        let (consumers, root) = (self.consumers, next.ca.fingerprint().to_string());
        let now = consumers.context().clock.monotonic();
        let endpoints = consumers.probes.lock().blocking_endpoints(&self.spec.name, &root, now);
        blockers.add_endpoints(&endpoints, &self.exclusions);
        if blockers.distrusting_endpoints > 0 { Distribution { quiet_for: None } } else { distribution }
    }

    /// Whether a fresh list shows that nothing is behind.
    ///
    /// # Errors
    /// [`Error`] where Secrets or bundles cannot be listed.
    pub async fn confirm(&self) -> Result<Confirmation, Error> {
        let (Self { consumers, spec, loaded, exclusions }, context) = (self, self.consumers.context());
        let Some((_, issuer)) = self.rotating() else { return Ok(Confirmation::Confirmed) };
        let query = BlockerQuery::new(&spec.name, &issuer, exclusions, context.clock.now().as_second());
        let mut fresh = FreshList::new(&issuer, query.now);
        // An identity that the index does not know yet is waited for like any other.
        let mut unindexed = BTreeSet::new();
        let mut list = context.leaf_secrets(&spec.name);
        while let Some(ScopedPage { scope, page }) = list.next().await? {
            fresh.is_of(scope, page.version.as_deref());
            let secrets = page.items.into_iter().map(|secret| secret.metadata);
            let claims = fresh.fold(&context.scheduler.lock(), secrets);
            unindexed.extend(owners(context, claims).await?);
        }
        let (blockers, newer) = {
            let scheduler = context.scheduler.lock();
            let listed = |id, entry: &IdentityEntry| fresh.sighting(scheduler.index(), id, entry);
            (query.find(&scheduler, listed), fresh.newer_than_index(&scheduler))
        };
        let (bundles, newer_bundles) = bundles::confirm(&consumers.bundles, spec, loaded, exclusions).await?;
        let blockers = blockers.with_identities(&unindexed, exclusions).with_bundles(bundles);
        // What was behind between two lists may not be in the index yet.
        let blockers = Blockers { unconfirmed: not_indexed(newer + newer_bundles), ..blockers };
        if blockers.is_behind() || blockers.unconfirmed.is_some() {
            return Ok(Confirmation::Blocked(blockers));
        }
        Ok(Confirmation::Confirmed)
    }

    /// The CA and what Secrets have to follow, while there is a rotation.
    fn rotating(&self) -> Option<(&'a LoadedCa, IssuerEntry)> {
        let LoadedRoot::Sound(ca) = self.loaded else { return None };
        (ca.phase != Phase::Stable).then(|| (ca, IssuerEntry::from(&ca.facts())))
    }
}

fn not_indexed(count: usize) -> Option<String> {
    let why = || {
        format!("a fresh list shows {count} Secrets or trust bundles that the watch has not delivered yet")
    };
    (count > 0).then(why)
}
