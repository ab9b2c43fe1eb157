//! The condition `Published` of an authority, and the metrics of published bundles, from the state of each target.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::shared::TrustBundles;
use super::store::{Availability, BundleStore, PublishFailure};
use super::targets::{bundle, sites};
use crate::api::conditions::PUBLISHED;
use crate::operator::issuers::Issuer;
use crate::plan::trust_bundle::decide::{BundlePlan, DesiredBundle, Target, decide, seems_as_wanted};
use crate::plan::trust_bundle::published::{PublishedReason, TargetStatus, verdict};

/// The state of each target of an authority. `None` while its signer is not known, or what is at one of them.
#[must_use]
pub fn statuses(bundles: &TrustBundles, issuer: &Issuer) -> Option<Vec<(Target, TargetStatus)>> {
    let root = issuer.signer.as_ref().ok()?;
    let desired = bundle(issuer, root).desired();
    let (sites, exists) = (sites(bundles, &issuer.spec), bundles.context.authorities.lock().names());
    let store = bundles.store.lock();
    if sites.iter().any(|site| store.is_unknown(&site.target)) {
        return None;
    }
    let with_status = |target: Target| {
        let status = status(&store, desired, &target, |name| exists.iter().any(|other| other == name));
        (target, status)
    };
    Some(sites.into_iter().map(|site| with_status(site.target)).collect())
}

fn status(
    store: &BundleStore,
    desired: DesiredBundle<'_>,
    target: &Target,
    exists: impl Fn(&str) -> bool,
) -> TargetStatus {
    match (target, store.availability()) {
        (Target::Cluster { .. }, Availability::NotServed) => return TargetStatus::NotServed,
        (Target::Cluster { .. }, Availability::Denied(why)) => {
            return TargetStatus::Denied(why.clone());
        }
        _ => {}
    }
    if let Some(why) = store.denied(target) {
        return TargetStatus::Denied(why.to_owned());
    }
    let found = store.found(target);
    match (decide(desired, &found, exists), store.failure(target)) {
        (BundlePlan::Keep, _) => TargetStatus::Published,
        (BundlePlan::Refuse(conflict), _) => TargetStatus::Conflict(conflict),
        (_, Some(PublishFailure::Failed(why))) => TargetStatus::Failed(why.clone()),
        // Every ConfigMap is read once after a start: until then its metadata are believed.
        (BundlePlan::Read, _) if seems_as_wanted(desired, &found) => TargetStatus::Published,
        _ => TargetStatus::Publishing,
    }
}

/// The condition `Published` of an authority that asks for publication, and whether an Event has to report it: manual
/// action is needed, and the reason differs from `before`.
#[must_use]
pub fn published(
    statuses: &[(Target, TargetStatus)],
    before: Option<&Condition>,
    generation: Option<i64>,
    now: Timestamp,
) -> (Condition, bool) {
    let (reason, message) = verdict(statuses);
    if let Some(before) =
        before.filter(|before| reason == PublishedReason::Publishing && stands(before, generation))
    {
        return (before.clone(), false);
    }
    let is_news = before.is_none_or(|before| before.reason != reason.as_str());
    let condition = condition(reason, message, before, generation, now);
    (condition, is_news && reason.needs_action())
}

/// Whether a condition says that this generation is not published. What has failed is tried again: until it is known how that has
/// ended, nothing else is.
fn stands(before: &Condition, generation: Option<i64>) -> bool {
    let is_failure = |reason: &PublishedReason| reason.needs_action() && reason.as_str() == before.reason;
    before.observed_generation == generation && PublishedReason::ALL.iter().any(is_failure)
}

fn condition(
    reason: PublishedReason,
    message: String,
    before: Option<&Condition>,
    generation: Option<i64>,
    now: Timestamp,
) -> Condition {
    let holds = if reason == PublishedReason::Published { "True" } else { "False" };
    let since = before
        .filter(|before| before.status == holds)
        .map_or(Time(now), |before| before.last_transition_time.clone());
    Condition {
        type_: PUBLISHED.into(),
        status: holds.into(),
        reason: reason.as_str().into(),
        message,
        last_transition_time: since,
        observed_generation: generation,
    }
}

/// Targets, by reason.
#[must_use]
pub fn counts(statuses: &[(Target, TargetStatus)]) -> [(PublishedReason, usize); 5] {
    PublishedReason::ALL
        .map(|reason| (reason, statuses.iter().filter(|(_, status)| status.reason() == reason).count()))
}
