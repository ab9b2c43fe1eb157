//! One pass over one authority: observe its root and its rotation, decide, act, observe again; then tell everybody who
//! signs.

use serde_json::Value;

use super::authorities::Moment;
use super::context::Context;
use super::error::Error;
use super::new_root::{create, generate, go_on, successor, with_evidence_key};
use super::requests::WRITE_TIMEOUT;
use super::root_change::{Change, Requests};
use super::root_look::{Observed, observe, request};
use super::root_notes::Origin;
use super::root_secret::LoadedRoot;
use super::rotation;
use super::rotation::exclusion;
use super::sight::Survey;
use crate::api::MtlsAuthority;
use crate::pki::{Authority, AuthorityPem, CrossCertificates};
use crate::plan::alarm::alarm;
use crate::plan::course::{Course, course};
use crate::plan::root::{Provided, RootDecision, RootPlan, RootWorld, StoredRoot, decide};
use crate::plan::rotation::Transition;
use crate::plan::safeguards::Safeguard;
use crate::plan::terms::Terms;

/// How an authority stands after a pass.
pub struct Passed {
    /// The decision that holds.
    pub decision: RootDecision,
    /// The root Secret.
    pub loaded: LoadedRoot,
    /// Whom a rotation waits for.
    pub survey: Survey,
    /// How the rotation goes on.
    pub course: Course,
    /// The changes that were made to the roots, in their order, each with what people must hear of it.
    pub changes: Vec<(&'static str, Option<String>)>,
    /// Whether the exclusion that a person asks for has served a rotation already.
    pub is_exclusion_spent: bool,
    /// The moment before it was read.
    pub read_at: Moment,
}

impl Passed {
    /// What the roots of this authority are, where the root Secret tells it.
    #[must_use]
    pub fn root(&self) -> Option<&StoredRoot> {
        self.loaded.stored().filter(|_| self.course.is_known())
    }
}

/// Passes over an authority until nothing remains to be done to its root Secret.
///
/// # Errors
/// [`Error`]: transient, to be tried again.
pub async fn pass(context: &Context, authority: &MtlsAuthority, terms: &Terms) -> Result<Passed, Error> {
    let mut changes = Vec::new();
    // Each round either changes the root Secret or ends; a root is made, then its limits raised, at most.
    for _ in 0..4 {
        let observed = observe(context, authority, terms).await?;
        let decision = decide(&observed.world);
        let held_up = confirmed(context, terms, &decision, &observed).await?.err();
        if decision.plan == RootPlan::Keep || held_up.is_some() {
            let course = course(&observed.world, &decision);
            let Observed { loaded, survey, read_at, .. } = observed;
            let survey = held_up.unwrap_or(survey);
            let asked = exclusion(authority);
            let is_exclusion_spent =
                asked.is_some_and(|asked| loaded.succession.exclude_request.as_deref() == Some(asked));
            return Ok(Passed { decision, loaded, survey, course, changes, is_exclusion_spent, read_at });
        }
        if act(context, authority, terms, &decision.plan, &observed).await? && decision.plan.changes_roots() {
            changes.push((decision.plan.as_str(), alarm(&decision)));
            context.metrics.changed_roots(&terms.name, decision.plan.as_str());
        }
    }
    Err(Error::Stale { what: format!("root Secret of MtlsAuthority {}", terms.name) })
}

/// What rests on the index is confirmed by a fresh look before it is done; or it is not, because of these.
async fn confirmed(
    context: &Context,
    terms: &Terms,
    decision: &RootDecision,
    observed: &Observed,
) -> Result<Result<(), Survey>, Error> {
    match &decision.plan {
        RootPlan::Change { transition, .. } if rests_on_sight(transition, observed) => {
            rotation::confirm(context, terms, &observed.loaded).await
        }
        _ => Ok(Ok(())),
    }
}

fn rests_on_sight(transition: &Transition, observed: &Observed) -> bool {
    let safeguards = observed.world.around.rules.safeguards;
    observed.loaded.stored().is_some_and(|root| transition.rests_on_sight(root, safeguards))
}

/// Whether anything was written: what a plan needs may be gone.
async fn act(
    context: &Context,
    authority: &MtlsAuthority,
    terms: &Terms,
    plan: &RootPlan,
    observed: &Observed,
) -> Result<bool, Error> {
    let patch = match plan {
        RootPlan::Keep => return Ok(false),
        RootPlan::Generate => {
            let pem = generate(context, terms)?;
            return create(context, authority, terms, &pem, Origin::Generated).await.map(|()| true);
        }
        RootPlan::Copy => {
            let Some(pem) = &observed.provided else { return Ok(false) };
            return create(context, authority, terms, pem, Origin::Provided).await.map(|()| true);
        }
        RootPlan::AddEvidenceKey { over } => Some(with_evidence_key(over)?),
        RootPlan::Recover => return go_on(context, authority, terms, observed).await,
        RootPlan::Change { transition, .. } => change(context, authority, terms, transition, observed)?,
    };
    let Some(patch) = patch else { return Ok(false) };
    let name = authority.root_secret_name();
    context.requests.patch_secret(&context.namespace, &name, patch, WRITE_TIMEOUT).await?;
    tracing::info!(authority = terms.name, plan = plan.as_str(), "changed the root Secret");
    Ok(true)
}

/// The patch of a transition.
fn change(
    context: &Context,
    authority: &MtlsAuthority,
    terms: &Terms,
    transition: &Transition,
    observed: &Observed,
) -> Result<Option<Value>, Error> {
    let (now, rules) = (context.clock.now(), terms.rules(context.safeguards));
    let requests = Requests { rotate: request(authority), exclude: exclusion(authority) };
    let Some(change) = Change::of(&observed.loaded, terms, &rules, requests, now) else {
        return Ok(None);
    };
    Ok(match transition {
        Transition::RaiseMaxLeafTtl => Some(change.raise_max_leaf_ttl()),
        Transition::Withdraw => Some(change.withdraw()),
        Transition::Drop(gone) => Some(change.drop(gone)),
        Transition::Replace => {
            observed.provided.as_ref().map(|pem| replacement(&change, pem, &observed.world))
        }
        Transition::Switch { .. } => observed.next.as_ref().map(|pem| change.switch(pem)),
        Transition::Announce(source, _) => match successor(context, terms, *source, observed)? {
            Some((pem, origin)) => Some(announcement(&change, &pem, origin)?),
            None => None,
        },
        Transition::Succeed(source) => {
            let found = successor(context, terms, *source, observed)?;
            found.map(|(pem, origin)| change.succeed(&pem, origin, *source))
        }
    })
}

fn replacement(change: &Change<'_>, pem: &AuthorityPem, world: &RootWorld) -> Value {
    let is_same_signer = matches!(
        &world.around.provided,
        Provided::Sound { fingerprint, .. } if *fingerprint == change.root.fingerprint
    );
    if is_same_signer { change.replace_anchors(pem) } else { change.replace(pem) }
}

/// The next root, with what the signer certifies of it. Where no path over the signer would hold, there is none.
fn announcement(change: &Change<'_>, pem: &AuthorityPem, origin: Origin) -> Result<Value, Error> {
    if !change.rules.safeguards.hold(Safeguard::CrossCertificates) {
        return Ok(change.announce(pem, origin, &CrossCertificates::default()));
    }
    let next = Authority::load(pem, change.now)?;
    let crosses = change.authority.cross_certify(&next, change.now).unwrap_or_else(|error| {
        tracing::warn!(%error, authority = change.terms.name, "the next root has no cross-certificate");
        CrossCertificates::default()
    });
    Ok(change.announce(pem, origin, &crosses))
}
