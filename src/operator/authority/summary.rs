//! What is counted, recorded: identities by how they stand, leaves by who signed them, and whom a rotation waits for. At
//! most once in ten seconds, and only what differs.

use std::collections::{HashMap, HashSet};

use super::counts::{by_reason, census, overdue, strays};
use super::reconcile::RootOutcome;
use super::status;
use crate::api::MtlsAuthority;
use crate::api::authority::{MtlsAuthorityStatus, Phase};
use crate::api::conditions::{PUBLISHED, ROTATING, Verdict, find, put_in_order};
use crate::operator::authority::rotation::blockers::Blockers;
use crate::operator::authority::rotation::status::{progress, rotating};
use crate::operator::client::merge_patch::status_patch;
use crate::operator::context::Context;
use crate::operator::error::Error;
use crate::operator::events;
use crate::operator::index::digest::digest;
use crate::operator::index::time::Millis;
use crate::operator::metrics::MISSING;
use crate::operator::trust_bundle::status::{counts, published, statuses};
use crate::plan::authority::progress::RotationProgress;
use crate::plan::authority::spec::AuthoritySpec;

/// Counts are recorded at most this often.
const TALLY_EVERY: Millis = 10 * 1000;

/// The counts of all authorities.
#[derive(Default)]
pub struct Summary {
    /// What the counts that are recorded were made from.
    recorded: Option<SummaryInputs>,
    /// When the next may be.
    at: Millis,
    /// The rotations under way, by the name of the authority.
    rotations: HashMap<String, Rotation>,
    /// Authorities of whose rotation nobody knows.
    unknown: HashSet<String>,
}

/// What counts are made from: identities and bundles, by their revisions, and the authorities that they are made for.
#[derive(Clone, PartialEq, Eq)]
struct SummaryInputs {
    board: u64,
    bundles: u64,
    served: Vec<Served>,
}

/// An authority that counts are made for.
#[derive(Clone, PartialEq, Eq)]
struct Served {
    name: String,
    /// Its version: what a replica that led before has written late is put right.
    version: Option<String>,
    /// The trust bundle in force: what was counted before it was known took a published bundle for one that is behind.
    trust: Option<String>,
}

impl Served {
    fn of(context: &Context, name: String) -> Self {
        let version =
            context.roster.lock().get(&name).and_then(|found| found.metadata.resource_version.clone());
        let service = context.authorities.get(&name);
        let root = service.as_ref().and_then(|service| service.signer.as_ref().ok());
        let trust = root.map(|root| root.facts.trust.clone());
        Self { name, version, trust }
    }
}

/// A rotation, as the last look has found it.
struct Rotation {
    course: RotationProgress,
    progress: String,
    survey: Blockers,
}

impl Summary {
    /// When the next counts may be recorded.
    #[must_use]
    pub const fn at(&self) -> Millis {
        self.at
    }

    /// Remembers how a rotation gets on.
    pub fn remember(&mut self, terms: &AuthoritySpec, passed: &RootOutcome) {
        if passed.course.is_known() {
            self.unknown.remove(&terms.name);
        } else {
            self.unknown.insert(terms.name.clone());
        }
        let is_rotating = passed.root().is_some_and(|root| root.phase != Phase::Stable);
        if is_rotating {
            let (progress, survey) = (progress(passed, terms), passed.survey.clone());
            self.rotations.insert(terms.name.clone(), Rotation { course: passed.course, progress, survey });
        } else {
            self.rotations.remove(&terms.name);
        }
    }

    /// Brings the counts of every authority up to date, if anything that is counted has changed.
    pub async fn take(&mut self, context: &Context) {
        let now = context.millis();
        // A clock that was set back must not silence the counts until it has caught up.
        let is_early = now < self.at && self.at - now <= TALLY_EVERY;
        if is_early {
            return;
        }
        self.at = now.saturating_add(TALLY_EVERY);
        let basis = basis(context);
        let names: Vec<String> = basis.served.iter().map(|served| served.name.clone()).collect();
        count_overdue(context, &names);
        if self.recorded.as_ref() == Some(&basis) && self.rotations.is_empty() {
            return;
        }
        count_strays(context, &names);
        self.recorded = Some(basis);
        for name in &names {
            if let Err(error) = self.take_one(context, name).await {
                tracing::debug!(authority = name, %error, "counts were not recorded");
                self.recorded = None;
            }
        }
    }

    async fn take_one(&self, context: &Context, name: &str) -> Result<(), Error> {
        let Some(authority) = context.roster.lock().get(name) else { return Ok(()) };
        let now = context.clock.now();
        let census = census(&context.board.lock(), name, now.as_second());
        for (reason, count) in by_reason(&census.counts) {
            context.metrics.identities(name, reason, count);
        }
        let rotation = self.rotations.get(name);
        let waiting = rotation.map_or(0, |rotation| rotation.survey.held_up_by());
        context.metrics.rotation_waiting(name, (!self.unknown.contains(name)).then_some(waiting));
        let Some(before) = authority.status.clone() else { return Ok(()) };
        let mut after = MtlsAuthorityStatus {
            identities: Some(census.counts.clone()),
            roots: status::counted(&before.roots, &census),
            rotation: before
                .rotation
                .clone()
                .map(|known| status::surveyed(known, rotation.map(|r| &r.survey))),
            ..before
        };
        if let Some(Rotation { course, progress, .. }) = rotation {
            let rotating = rotating(&after, *course, progress, now);
            after.conditions.retain(|condition| condition.type_ != ROTATING);
            after.conditions.push(rotating);
        }
        let news = publish_condition(context, &authority, &mut after);
        patch_status(context, &authority, after).await?;
        if let Some(verdict) = news {
            events::warn(context, &*authority, &verdict).await;
        }
        Ok(())
    }
}

fn basis(context: &Context) -> SummaryInputs {
    let (board, bundles) = (context.board.lock().revision(), context.bundles.lock().revision());
    let served = context.authorities.names().into_iter().map(|name| Served::of(context, name)).collect();
    SummaryInputs { board, bundles, served }
}

/// Time alone makes an identity overdue, so that these are counted though nothing has changed.
fn count_overdue(context: &Context, served: &[String]) {
    let mut counts = overdue(&context.board.lock(), context.clock.now().as_second());
    for name in served {
        context.metrics.overdue(name, counts.remove(&digest(name)).unwrap_or_default());
    }
    context.metrics.overdue(MISSING, counts.values().sum());
}

fn count_strays(context: &Context, served: &[String]) {
    let counts = strays(&context.board.lock(), served);
    for (reason, count) in by_reason(&counts) {
        context.metrics.identities(MISSING, reason, count);
    }
}

/// Brings the condition `Published` up to date: absent where nothing is asked for, as it was while nobody knows what is in
/// force. Returns what people should be told.
fn publish_condition(
    context: &Context,
    authority: &MtlsAuthority,
    after: &mut MtlsAuthorityStatus,
) -> Option<Verdict> {
    let service = context.authorities.get(authority.metadata.name.as_deref()?)?;
    let statuses = statuses(context, &service)?;
    let before = find(&after.conditions, PUBLISHED).cloned();
    let is_asked = service.terms.publication.is_asked();
    if !is_asked && before.is_none() {
        return None;
    }
    after.conditions.retain(|condition| condition.type_ != PUBLISHED);
    if !is_asked {
        context.metrics.remove_bundles(&service.terms.name);
        return None;
    }
    context.metrics.bundles(&service.terms.name, &counts(&statuses));
    let generation = authority.metadata.generation;
    let (condition, news) = published(&statuses, before.as_ref(), generation, context.clock.now());
    after.conditions.push(condition);
    news
}

/// Writes the status of an authority, if it differs.
///
/// # Errors
/// [`Error`]; nothing was written then, unless the answer was lost.
pub async fn patch_status(
    context: &Context,
    authority: &MtlsAuthority,
    mut after: MtlsAuthorityStatus,
) -> Result<(), Error> {
    put_in_order(&mut after.conditions);
    let version = authority.metadata.resource_version.as_deref();
    let Some(patch) = status_patch(version, authority.status.as_ref(), &after) else { return Ok(()) };
    let name = authority.metadata.name.as_deref().unwrap_or_default();
    let written = context.requests.patch_authority_status(name, patch).await?;
    context.roster.change_if(|authorities| authorities.apply_answer(written));
    Ok(())
}
