//! How the publication of a trust bundle stands: the condition `Published`, and its figures.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::store::{Availability, BundleStore, PublishFailure};
use super::targets::{bundle, spots};
use crate::api::conditions::{PUBLISHED, Verdict};
use crate::operator::context::Context;
use crate::operator::issuers::Issuer;
use crate::plan::trust_bundle::decide::{BundlePlan, DesiredBundle, Target, decide};
use crate::plan::trust_bundle::published::{PublishedReason, TargetStatus, verdict};

/// How the bundle of an authority stands, place by place. `None` while nobody knows what it should be.
#[must_use]
pub fn standings(context: &Context, service: &Issuer) -> Option<Vec<(Target, TargetStatus)>> {
    let root = service.signer.as_ref().ok()?;
    let wanted = bundle(service, root).wanted();
    let (spots, exists) = (spots(context, &service.terms), context.roster.lock().names());
    let ledger = context.bundles.lock();
    let stand = |place: Target| {
        let standing = standing(&ledger, wanted, &place, |name| exists.iter().any(|other| other == name));
        (place, standing)
    };
    Some(spots.into_iter().map(|spot| stand(spot.place)).collect())
}

fn standing(
    ledger: &BundleStore,
    wanted: DesiredBundle<'_>,
    place: &Target,
    exists: impl Fn(&str) -> bool,
) -> TargetStatus {
    match (place, ledger.access()) {
        (Target::Cluster { .. }, Availability::NotServed) => return TargetStatus::NotServed,
        (Target::Cluster { .. }, Availability::Denied(why)) => {
            return TargetStatus::Failed(why.clone());
        }
        _ => {}
    }
    match (decide(wanted, &ledger.found(place), exists), ledger.trouble(place)) {
        (BundlePlan::Keep, _) => TargetStatus::Published,
        (BundlePlan::Refuse(conflict), _) => TargetStatus::Conflict(conflict),
        (_, Some(PublishFailure::Failed(why))) => TargetStatus::Failed(why.clone()),
        _ => TargetStatus::Publishing,
    }
}

/// The condition `Published` of an authority that asks for publication, and what to tell people by an Event, if it stood
/// otherwise `before`.
#[must_use]
pub fn published(
    standings: &[(Target, TargetStatus)],
    before: Option<&Condition>,
    generation: Option<i64>,
    now: Timestamp,
) -> (Condition, Option<Verdict>) {
    let (reason, message) = verdict(standings);
    let is_news = before.is_none_or(|before| before.reason != reason.as_str());
    let told = Verdict { ready: false, stalled: false, reason: reason.as_str(), message: message.clone() };
    let condition = condition(reason, message, before, generation, now);
    (condition, (is_news && reason.needs_a_person()).then_some(told))
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

/// How many places stand how.
#[must_use]
pub fn counts(standings: &[(Target, TargetStatus)]) -> [(PublishedReason, usize); 5] {
    PublishedReason::ALL
        .map(|reason| (reason, standings.iter().filter(|(_, standing)| standing.reason() == reason).count()))
}
