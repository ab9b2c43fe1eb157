//! Which published trust bundles are behind in a rotation: by the ledger, as often as the authority is looked at, and by
//! a fresh list, right before a change that rests on it.

use std::collections::HashMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;

use super::blockers::BundleBlockers;
use crate::api::names::label;
use crate::operator::authority::root::loaded_ca::LoadedRoot;
use crate::operator::context::Context;
use crate::operator::error::Error;
use crate::operator::index::digest::{digest, version_number};
use crate::operator::trust_bundle::objects::{BundleObject, ClusterTrustBundle};
use crate::operator::trust_bundle::store::{Availability, BundleStore, ObservedBundle};
use crate::operator::trust_bundle::targets::{TargetSite, sites};
use crate::plan::authority::spec::AuthoritySpec;
use crate::plan::trust_bundle::decide::{DesiredBundle, Target, TargetState, is_behind};

/// What the ledger shows, and whether somebody was behind since the last look.
pub fn look(
    context: &Context,
    terms: &AuthoritySpec,
    loaded: &LoadedRoot,
    excluded: &[String],
) -> (BundleBlockers, bool) {
    let Some(count) = Count::of(context, terms, loaded, excluded) else { return Default::default() };
    let mut store = context.bundles.lock();
    let survey = count.survey(|target| store.found(target));
    let is_counted = |target: &&Target| !excluded.contains(&target.to_string());
    let counted: Vec<Target> =
        count.sites.iter().map(|site| &site.target).filter(is_counted).cloned().collect();
    (survey, store.take_drifted(&counted))
}

/// What a fresh list shows, and how many bundles are newer in it than in the ledger: what they were before is not told yet.
///
/// # Errors
/// [`Error`] where bundles cannot be listed.
pub async fn confirm(
    context: &Context,
    terms: &AuthoritySpec,
    loaded: &LoadedRoot,
    excluded: &[String],
) -> Result<(BundleBlockers, usize), Error> {
    let Some(count) = Count::of(context, terms, loaded, excluded) else { return Ok(Default::default()) };
    let mut fresh = HashMap::new();
    if terms.publication.has_config_maps() {
        let labels = label::selector_for(&terms.name);
        for namespace in context.watched() {
            let list = context.requests.list::<ConfigMap>(namespace.as_deref(), &labels).await?;
            fresh.extend(list.iter().filter_map(|object| Some((object.target(), object.observed()?))));
        }
    }
    for TargetSite { target, .. } in
        count.sites.iter().filter(|site| matches!(site.target, Target::Cluster { .. }))
    {
        let found = context.requests.get::<ClusterTrustBundle>(None, target.name()).await?;
        fresh.extend(found.and_then(|object| Some((object.target(), object.observed()?))));
    }
    // The list shows nothing that is somebody else's.
    let others = |target: &Target| match context.bundles.lock().found(target) {
        TargetState::Ours(published) if published.authority.as_deref() == Some(&*terms.name) => {
            TargetState::Nothing
        }
        found => found,
    };
    let survey = count.survey(|target| {
        fresh.get(target).map_or_else(|| others(target), |seen| TargetState::Ours(seen.published.clone()))
    });
    Ok((survey, count.newer_than_store(&fresh, &context.bundles.lock())))
}

/// What is counted, and by what.
struct Count<'a> {
    sites: Vec<TargetSite>,
    desired: DesiredBundle<'a>,
    exists: Vec<String>,
    excluded: &'a [String],
    /// When the roots changed last, in seconds since 1970.
    since: i64,
}

impl<'a> Count<'a> {
    /// Nothing is counted where nothing is asked for, nor once the next root signs: a bundle that cannot be written would
    /// keep the former root for ever.
    fn of(
        context: &Context,
        terms: &'a AuthoritySpec,
        loaded: &'a LoadedRoot,
        excluded: &'a [String],
    ) -> Option<Self> {
        let ca = loaded.held().filter(|ca| terms.publication.is_asked() && ca.next.is_some())?;
        let authority = &ca.signer.ca;
        let [text, trust] = [authority.bundle().to_pem(), &authority.bundle().hash()].map(digest);
        let desired = DesiredBundle { authority: &terms.name, text, trust };
        let since = ca.since.map_or(i64::MIN, Timestamp::as_second);
        let is_served = *context.bundles.lock().availability() != Availability::NotServed;
        let is_counted = |site: &TargetSite| is_served || site.target.namespace().is_some();
        let sites = sites(context, terms).into_iter().filter(is_counted).collect();
        Some(Self { sites, desired, exists: context.roster.lock().names(), excluded, since })
    }

    fn newer_than_store(&self, fresh: &HashMap<Target, ObservedBundle>, store: &BundleStore) -> usize {
        let is_older = |known: &ObservedBundle, seen: &ObservedBundle| {
            known.uid != seen.uid || version_number(&known.version) < version_number(&seen.version)
        };
        let seen = self.sites.iter().filter_map(|site| fresh.get_key_value(&site.target));
        // Of what was deleted while the list was made, all was told.
        let alive = seen.filter(|(target, seen)| !store.has_deleted(target, seen));
        alive.filter(|(target, seen)| store.seen(target).is_none_or(|known| is_older(known, seen))).count()
    }

    fn survey(&self, found: impl Fn(&Target) -> TargetState) -> BundleBlockers {
        let mut survey = BundleBlockers::default();
        let exists = |name: &str| self.exists.iter().any(|other| other == name);
        let is_behind = |site: &&TargetSite| {
            is_behind(self.desired, &found(&site.target), exists, site.made > self.since)
        };
        for site in self.sites.iter().filter(is_behind) {
            let name = site.target.to_string();
            let is_excluded = self.excluded.contains(&name);
            if is_excluded { &mut survey.excluded } else { &mut survey.behind }.push(name);
        }
        survey
    }
}
