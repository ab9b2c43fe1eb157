//! Where trust bundles are to be published, and which changes that takes.
//!
//! Targets follow from specs and from the namespaces that exist and are watched; a namespace that is being deleted is no target.

use std::collections::HashSet;
use std::sync::Arc;

use super::objects::RenderedBundle;
use super::shared::TrustBundles;
use super::store::{BundleStore, PublishFailure};
use crate::operator::index::time::{Millis, Second};
use crate::operator::issuers::{Issuer, SigningCa};
use crate::plan::authority::spec::AuthoritySpec;
use crate::plan::trust_bundle::decide::{BundlePlan, Conflict, Target, decide, decide_unwanted};

/// A target of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetSite {
    /// The target.
    pub target: Target,
    /// When its namespace was created, in seconds since 1970.
    pub made: i64,
}

/// The targets of an authority's bundle. No object can be created in a namespace that is being deleted.
#[must_use]
pub fn sites(bundles: &TrustBundles, spec: &AuthoritySpec) -> Vec<TargetSite> {
    let published = published(bundles, spec);
    let scheduler = bundles.context.scheduler.lock();
    let open = scheduler
        .policy()
        .namespaces()
        .filter(|(name, ns)| !ns.is_terminating && bundles.context.is_watched(name));
    let within = open.filter_map(|(name, ns)| {
        spec.publication
            .within(name, &ns.labels)
            .map(|target| TargetSite { target, made: ns.created.map_or(0, Second::get) })
    });
    let cluster = spec.publication.cluster().map(|target| TargetSite { target, made: i64::MIN });
    let mut sites: Vec<TargetSite> = within.chain(cluster).collect();
    sites.extend(published.into_iter().filter_map(|target| {
        let namespace = scheduler.policy().namespace(target.namespace()?)?;
        (!namespace.is_terminating)
            .then_some(TargetSite { target, made: namespace.created.map_or(0, Second::get) })
    }));
    sites
}

/// The targets that have it, while the part of the spec that names targets cannot be read: they are kept up to date.
fn published(bundles: &TrustBundles, spec: &AuthoritySpec) -> Vec<Target> {
    if !spec.unread.hides_publication() {
        return Vec::new();
    }
    bundles.store.lock().targets_of(&spec.name).cloned().collect()
}

/// One change of one object.
#[derive(Clone)]
pub struct Change {
    /// Its target.
    pub target: Target,
    /// What is to be done.
    pub plan: BundlePlan,
    /// The text that is desired there; 0 where none is.
    pub text: u64,
    /// The authority whose bundle it is.
    pub issuer: Arc<Issuer>,
}

/// The bundle of an authority.
#[must_use]
pub fn bundle<'a>(issuer: &'a Issuer, root: &'a SigningCa) -> RenderedBundle<'a> {
    let text = root.authority.bundle().to_pem();
    RenderedBundle { authority: &issuer.spec.name, text, trust: &root.facts.trust }
}

/// The change as it would be decided now. `None` where another one is due: the next comparison finds it.
#[must_use]
pub fn still(bundles: &TrustBundles, change: &Change) -> Option<Change> {
    let issuer = bundles.context.issuers.get(&change.issuer.spec.name)?;
    let is_wanted = is_target(bundles, &issuer.spec, &change.target);
    let found = bundles.store.lock().found(&change.target);
    let (plan, text) = match &issuer.signer {
        Ok(root) if is_wanted => {
            let exists = bundles.context.authorities.lock().names();
            let desired = bundle(&issuer, root).desired();
            (decide(desired, &found, |name| exists.iter().any(|other| other == name)), desired.text)
        }
        Err(_) if is_wanted => return None,
        _ => (decide_unwanted(&issuer.spec.name, &found), 0),
    };
    (plan == change.plan).then(|| Change { text, issuer, ..change.clone() })
}

/// Whether a target is one of [`sites`].
fn is_target(bundles: &TrustBundles, spec: &AuthoritySpec, target: &Target) -> bool {
    let is_kept = published(bundles, spec).contains(target);
    let Some(namespace) = target.namespace() else {
        return spec.publication.cluster().as_ref() == Some(target);
    };
    let scheduler = bundles.context.scheduler.lock();
    let Some(found) = scheduler.policy().namespace(namespace) else { return false };
    let shared = scheduler.policy().intern(namespace);
    let is_selected = || spec.publication.within(&shared, &found.labels).as_ref() == Some(target);
    !found.is_terminating && (is_kept || (bundles.context.is_watched(namespace) && is_selected()))
}

/// The changes that are due, and when a retry is due.
#[derive(Default)]
pub struct Changes {
    /// Additions and updates before removals.
    pub due: Vec<Change>,
    /// When a change that failed is retried.
    pub next: Option<Millis>,
}

impl Changes {
    fn add(&mut self, store: &mut BundleStore, change: Change, now: Millis) {
        if change.plan == BundlePlan::Keep {
            return;
        }
        let conflict = match &change.plan {
            BundlePlan::Refuse(conflict @ Conflict::Authority(_)) => {
                Some(PublishFailure::Conflict(conflict.clone()))
            }
            _ => None,
        };
        if let Some(failure) = conflict {
            // The store notifies when that changes.
            return store.note(&change.target, failure);
        }
        match store.backoff_until(&change.target, change.text, now) {
            Some(until) => self.next = Some(self.next.map_or(until, |next| next.min(until))),
            None => self.due.push(change),
        }
    }
}

/// The changes that are due for all authorities.
#[must_use]
pub fn pending_changes(bundles: &TrustBundles) -> Changes {
    let mut pending_changes = Changes::default();
    let names = bundles.context.issuers.names();
    let issuers = names.iter().filter_map(|name| bundles.context.issuers.get(name));
    let issuers: Vec<_> = issuers.map(|issuer| (sites(bundles, &issuer.spec), issuer)).collect();
    let desired: HashSet<&Target> =
        issuers.iter().flat_map(|(sites, _)| sites).map(|site| &site.target).collect();
    bundles.store.lock().retain_targets(|target| desired.contains(target));
    for (sites, issuer) in &issuers {
        additions(bundles, &mut pending_changes, sites, issuer);
    }
    for (sites, issuer) in &issuers {
        removals(bundles, &mut pending_changes, sites, issuer);
    }
    pending_changes
}

/// Adds the changes that publish the bundle of an authority, while its signer is known.
fn additions(
    bundles: &TrustBundles,
    pending_changes: &mut Changes,
    sites: &[TargetSite],
    issuer: &Arc<Issuer>,
) {
    let Ok(root) = &issuer.signer else { return };
    let (now, exists) = (bundles.context.millis(), bundles.context.authorities.lock().names());
    let desired = bundle(issuer, root).desired();
    let mut store = bundles.store.lock();
    for TargetSite { target, .. } in sites {
        // A bundle that is not listed yet must not be taken for missing.
        if store.is_listed(target) {
            let plan = decide(desired, &store.found(target), |name| exists.iter().any(|other| other == name));
            let (target, text) = (target.clone(), desired.text);
            let change = Change { target, plan, text, issuer: issuer.clone() };
            pending_changes.add(&mut store, change, now);
        }
    }
}

/// Adds the changes that remove the bundle of an authority where none is desired. A namespace that is not known yet, or is being
/// deleted, gives no reason to remove it.
fn removals(
    bundles: &TrustBundles,
    pending_changes: &mut Changes,
    sites: &[TargetSite],
    issuer: &Arc<Issuer>,
) {
    let authority = &issuer.spec.name;
    let desired: HashSet<&Target> = sites.iter().map(|site| &site.target).collect();
    let targets: Vec<Target> = bundles.store.lock().targets_of(authority).cloned().collect();
    let unwanted =
        targets.into_iter().filter(|target| !desired.contains(target) && is_settled(bundles, target));
    for target in unwanted.collect::<Vec<_>>() {
        let mut store = bundles.store.lock();
        let plan = decide_unwanted(authority, &store.found(&target));
        pending_changes.add(
            &mut store,
            Change { target, plan, text: 0, issuer: issuer.clone() },
            bundles.context.millis(),
        );
    }
}

fn is_settled(bundles: &TrustBundles, target: &Target) -> bool {
    let scheduler = bundles.context.scheduler.lock();
    target.namespace().is_none_or(|namespace| {
        scheduler.policy().namespace(namespace).is_some_and(|found| !found.is_terminating)
    })
}
