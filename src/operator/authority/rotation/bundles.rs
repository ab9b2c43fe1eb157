//! Which published trust bundles are behind in a rotation: by the store, at each reconcile of the authority, and by a fresh
//! list, right before a change that rests on it.
//!
//! Once the next root signs, no bundle is waited for: one that cannot be written would keep the former root for ever.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use super::blockers::BundleBlockers;
use super::exclusions::Exclusions;
use crate::api::names::label;
use crate::operator::authority::root::loaded_ca::LoadedRoot;
use crate::operator::client::scoped_pages::{ScopedPage, ScopedPages};
use crate::operator::error::Error;
use crate::operator::index::digest::{hash_of, version_number};
use crate::operator::trust_bundle::config_maps::ConfigMapMetadata;
use crate::operator::trust_bundle::objects::{BundleObject, ClusterTrustBundle};
use crate::operator::trust_bundle::shared::TrustBundles;
use crate::operator::trust_bundle::store::{Availability, BundleStore, ObservedBundle};
use crate::operator::trust_bundle::targets::{TargetSite, sites};
use crate::operator::trust_bundle::unread::{config_map, observed};
use crate::plan::authority::spec::AuthoritySpec;
use crate::plan::trust_bundle::decide::{DesiredBundle, PublishedBundle, Target, TargetState, is_behind};

/// What the store shows, and whether a bundle was behind since the last call.
#[must_use]
pub fn observe(
    bundles: &TrustBundles,
    spec: &AuthoritySpec,
    loaded: &LoadedRoot,
    exclusions: &Exclusions,
) -> (BundleBlockers, bool) {
    let Some(count) = Count::new(bundles, spec, loaded, exclusions) else { return Default::default() };
    let mut store = bundles.store.lock();
    let are_unknown = count.sites.iter().any(|site| store.is_unknown(&site.target));
    let blockers = BundleBlockers { are_unknown, ..count.blockers(|target| store.found(target)) };
    let is_counted = |target: &&Target| !exclusions.has_target(target);
    let counted: Vec<Target> =
        count.sites.iter().map(|site| &site.target).filter(is_counted).cloned().collect();
    (blockers, store.take_drifted(&counted))
}

/// What a fresh list shows, and how many bundles are newer in it than in the store: the watch has not delivered yet
/// what they were before.
///
/// # Errors
/// [`Error`] where bundles cannot be listed.
pub async fn confirm(
    bundles: &TrustBundles,
    spec: &AuthoritySpec,
    loaded: &LoadedRoot,
    exclusions: &Exclusions,
) -> Result<(BundleBlockers, usize), Error> {
    let Some(count) = Count::new(bundles, spec, loaded, exclusions) else { return Ok(Default::default()) };
    let mut fresh = HashMap::new();
    if spec.publication.has_config_maps() {
        let (client, labels) = (&bundles.context.client, label::selector_for(&spec.name));
        let mut list = ScopedPages::<ConfigMapMetadata>::new(client, labels, bundles.context.watched());
        let sites: HashSet<&Target> = count.sites.iter().map(|site| &site.target).collect();
        while let Some(ScopedPage { page, .. }) = list.next().await? {
            let seen =
                page.items.iter().map(|object| (config_map(&object.metadata), observed(&object.metadata)));
            let wanted = seen.filter(|(target, _)| sites.contains(target));
            fresh.extend(wanted.filter_map(|(target, seen)| Some((target, seen?))));
        }
    }
    for TargetSite { target, .. } in
        count.sites.iter().filter(|site| matches!(site.target, Target::Cluster { .. }))
    {
        let found = bundles.context.client.get::<ClusterTrustBundle>(None, target.name()).await?;
        fresh.extend(found.and_then(|object| Some((object.target(), object.observed()?))));
    }
    // The list shows no bundle of another authority, and no object that this operator did not create.
    let others = |target: &Target| match bundles.store.lock().found(target) {
        TargetState::Ours(published) if published.authority.as_deref() == Some(&*spec.name) => {
            TargetState::Nothing
        }
        found => found,
    };
    let blockers = count.blockers(|target| match fresh.get(target) {
        Some(seen) if seen.published.is_read => TargetState::Ours(seen.published.clone()),
        Some(seen) => as_read(&bundles.store.lock(), target, seen, count.desired),
        None => others(target),
    });
    Ok((blockers, count.newer_than_store(&fresh, &bundles.store.lock())))
}

/// A bundle whose metadata a list shows, as it was read last. Where the store knows none, it was told everything until the bundle was
/// deleted, or the change is not confirmed.
fn as_read(
    store: &BundleStore,
    target: &Target,
    seen: &ObservedBundle,
    desired: DesiredBundle<'_>,
) -> TargetState {
    match store.found(target) {
        TargetState::Ours(known) => TargetState::Ours(known),
        _ => TargetState::Ours(PublishedBundle { text: Some(desired.text), ..seen.published.clone() }),
    }
}

/// What is counted, and by what.
struct Count<'a> {
    sites: Vec<TargetSite>,
    desired: DesiredBundle<'a>,
    exists: Vec<String>,
    exclusions: &'a Exclusions,
    /// When the roots changed last, in seconds since 1970.
    since: i64,
}

impl<'a> Count<'a> {
    /// `None` where no bundle is asked for, and while no root is announced.
    fn new(
        bundles: &TrustBundles,
        spec: &'a AuthoritySpec,
        loaded: &'a LoadedRoot,
        exclusions: &'a Exclusions,
    ) -> Option<Self> {
        let ca = loaded.held().filter(|ca| spec.publication.is_asked() && ca.next.is_some())?;
        let authority = &ca.signer.ca;
        let [text, trust] = [authority.bundle().to_pem(), &authority.bundle().hash()].map(hash_of);
        let desired = DesiredBundle { authority: &spec.name, text, trust };
        let since = ca.since.map_or(i64::MIN, Timestamp::as_second);
        let is_served = *bundles.store.lock().availability() != Availability::NotServed;
        let is_counted = |site: &TargetSite| is_served || site.target.namespace().is_some();
        let sites = sites(bundles, spec).into_iter().filter(is_counted).collect();
        Some(Self { sites, desired, exists: bundles.context.authorities.lock().names(), exclusions, since })
    }

    fn newer_than_store(&self, fresh: &HashMap<Target, ObservedBundle>, store: &BundleStore) -> usize {
        let is_older = |known: &ObservedBundle, seen: &ObservedBundle| {
            known.uid != seen.uid
                || version_number(&known.version) < version_number(&seen.version)
                || !known.published.is_read
        };
        let seen = self.sites.iter().filter_map(|site| fresh.get_key_value(&site.target));
        // What was deleted while the list was made is in the store already.
        let alive = seen.filter(|(target, seen)| !store.has_deleted(target, seen));
        alive.filter(|(target, seen)| store.seen(target).is_none_or(|known| is_older(known, seen))).count()
    }

    fn blockers(&self, found: impl Fn(&Target) -> TargetState) -> BundleBlockers {
        let mut blockers = BundleBlockers::default();
        let exists = |name: &str| self.exists.iter().any(|other| other == name);
        let is_behind = |site: &&TargetSite| {
            is_behind(self.desired, &found(&site.target), exists, site.made > self.since)
        };
        for site in self.sites.iter().filter(is_behind) {
            let is_excluded = self.exclusions.has_target(&site.target);
            let names = if is_excluded { &mut blockers.excluded } else { &mut blockers.behind };
            names.push(site.target.to_string());
        }
        blockers
    }
}
