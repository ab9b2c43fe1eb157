//! Records what is counted: identities by the reason of `Ready`, leaves by their signer, and what a rotation waits for.
//!
//! At most every ten seconds, and only what differs.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::counts::{by_reason, counts, overdue, unserved};
use super::record::patch_status;
use super::rotating::rotating_condition;
use super::state::{AuthorityStates, LastRotation};
use super::status;
use crate::api::MtlsAuthority;
use crate::api::authority::MtlsAuthorityStatus;
use crate::api::conditions::{PUBLISHED, ROTATING, find};
use crate::operator::context::Context;
use crate::operator::error::Error;
use crate::operator::events;
use crate::operator::index::digest::digest;
use crate::operator::index::time::Millis;
use crate::operator::metrics::MISSING;
use crate::operator::trust_bundle::shared::TrustBundles;
use crate::operator::trust_bundle::status::{counts as bundle_counts, published, statuses};

/// Counts are recorded at most this often.
const SUMMARY_EVERY: Millis = 10 * 1000;

/// The counts of all authorities.
#[derive(Default)]
pub struct Summary {
    /// What the counts that are recorded were made from.
    recorded: Option<SummaryInputs>,
    /// When the next may be.
    at: Millis,
}

/// What counts are made from: identities and bundles, by their revisions, and the authorities that they are made for.
#[derive(Clone, PartialEq, Eq)]
struct SummaryInputs {
    identities: u64,
    bundles: u64,
    served: Vec<Served>,
}

/// An authority that counts are made for.
#[derive(Clone, PartialEq, Eq)]
struct Served {
    name: String,
    /// Its version: a late write of a replica that led before is corrected.
    version: Option<String>,
    /// Hash of the trust bundle in force: while it is not known, each published bundle counts as one that is behind.
    trust: Option<String>,
}

impl Served {
    fn new(context: &Context, name: String) -> Self {
        let version =
            context.authorities.lock().get(&name).and_then(|found| found.metadata.resource_version.clone());
        let issuer = context.issuers.get(&name);
        let ca = issuer.as_ref().and_then(|issuer| issuer.signer.as_ref().ok());
        let trust = ca.map(|ca| ca.facts.trust.clone());
        Self { name, version, trust }
    }
}

impl Summary {
    /// When the next counts may be recorded.
    #[must_use]
    pub const fn at(&self) -> Millis {
        self.at
    }

    /// Brings the counts of every authority up to date, if anything that is counted has changed.
    pub async fn update(&mut self, bundles: &TrustBundles, states: &AuthorityStates) {
        let context = &bundles.context;
        let now = context.millis();
        // A clock that was set back must not end the counts until it has caught up.
        let is_early = now < self.at && self.at - now <= SUMMARY_EVERY;
        if is_early {
            return;
        }
        self.at = now.saturating_add(SUMMARY_EVERY);
        let inputs = inputs(bundles);
        let names: Vec<String> = inputs.served.iter().map(|served| served.name.clone()).collect();
        count_overdue(context, &names);
        if self.recorded.as_ref() == Some(&inputs) && !states.is_any_rotating() {
            return;
        }
        count_unserved(context, &names);
        self.recorded = Some(inputs);
        for name in &names {
            if let Err(error) = update_one(bundles, name, states.rotation(name)).await {
                tracing::debug!(authority = name, %error, "counts were not recorded");
                self.recorded = None;
            }
        }
    }
}

async fn update_one(bundles: &TrustBundles, name: &str, rotation: &LastRotation) -> Result<(), Error> {
    let context = &bundles.context;
    let Some(authority) = context.authorities.lock().get(name) else { return Ok(()) };
    let now = context.clock.now();
    let counts = counts(&context.scheduler.lock(), name, now.as_second());
    for (reason, count) in by_reason(&counts.identities) {
        context.metrics.identities(name, reason, count);
    }
    let (blockers, waiting) = match rotation {
        LastRotation::None => (None, Some(0)),
        LastRotation::Unknown => (None, None),
        LastRotation::UnderWay { blockers, .. } => (Some(&**blockers), blockers.count()),
    };
    context.metrics.rotation_waiting(name, waiting);
    let Some(before) = authority.status.clone() else { return Ok(()) };
    let known = before.rotation.clone();
    let mut after = MtlsAuthorityStatus {
        identities: Some(counts.identities.clone()),
        roots: status::with_leaves(&before.roots, &counts),
        rotation: known.map(|known| status::with_blockers(known, blockers)),
        ..before
    };
    if let LastRotation::UnderWay { progress, message, .. } = rotation {
        let condition = rotating_condition(&after, *progress, message, now);
        after.conditions.retain(|condition| condition.type_ != ROTATING);
        after.conditions.push(condition);
    }
    let news = publish_condition(bundles, &authority, &mut after);
    patch_status(context, &authority, after).await?;
    if let Some(news) = news {
        events::warn(context, &*authority, &news.reason, &news.message).await;
    }
    Ok(())
}

fn inputs(bundles: &TrustBundles) -> SummaryInputs {
    let TrustBundles { context, store } = bundles;
    let served = context.issuers.names().into_iter().map(|name| Served::new(context, name)).collect();
    let identities = context.scheduler.lock().revision();
    SummaryInputs { identities, bundles: store.lock().revision(), served }
}

/// Time alone makes an identity overdue: these are counted though nothing has changed.
fn count_overdue(context: &Context, served: &[String]) {
    let mut counts = overdue(&context.scheduler.lock(), context.clock.now().as_second());
    for name in served {
        context.metrics.overdue(name, counts.remove(&digest(name)).unwrap_or_default());
    }
    context.metrics.overdue(MISSING, counts.values().sum());
}

fn count_unserved(context: &Context, served: &[String]) {
    let counts = unserved(&context.scheduler.lock(), served);
    for (reason, count) in by_reason(&counts) {
        context.metrics.identities(MISSING, reason, count);
    }
}

/// Brings the condition `Published` up to date: absent where nothing is asked for, as it was while it is not known what is in
/// force. Returns what an Event has to report.
fn publish_condition(
    bundles: &TrustBundles,
    authority: &MtlsAuthority,
    after: &mut MtlsAuthorityStatus,
) -> Option<Condition> {
    let context = &bundles.context;
    let issuer = context.issuers.get(authority.metadata.name.as_deref()?)?;
    let statuses = statuses(bundles, &issuer)?;
    let before = find(&after.conditions, PUBLISHED).cloned();
    let is_asked = issuer.spec.publication.is_asked();
    if !is_asked && before.is_none() {
        return None;
    }
    after.conditions.retain(|condition| condition.type_ != PUBLISHED);
    if !is_asked {
        context.metrics.remove_bundles(&issuer.spec.name);
        return None;
    }
    context.metrics.bundles(&issuer.spec.name, &bundle_counts(&statuses));
    let generation = authority.metadata.generation;
    let (condition, needs_action) = published(&statuses, before.as_ref(), generation, context.clock.now());
    after.conditions.push(condition.clone());
    needs_action.then_some(condition)
}
