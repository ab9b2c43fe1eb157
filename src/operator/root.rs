//! One pass over one authority: observe its root and its rotation, decide, act, observe again; then tell everybody who
//! signs.

use k8s_openapi::api::core::v1::Secret;
use serde_json::Value;

use super::authorities::Moment;
use super::context::Context;
use super::error::Error;
use super::evidence::{evidence, suspects};
use super::new_root::{create, generate, go_on, successor};
use super::provision::provided;
use super::recovery::{Recovery, recover};
use super::requests::WRITE_TIMEOUT;
use super::root_change::Change;
use super::root_notes::Origin;
use super::root_secret::{self, LoadedRoot};
use super::rotation;
use super::sight::Survey;
use crate::api::MtlsAuthority;
use crate::api::authority::Phase;
use crate::api::names::annotation;
use crate::pki::{Authority, AuthorityPem, CrossCertificates};
use crate::plan::alarm::alarm;
use crate::plan::course::{Course, course};
use crate::plan::root::{Acceptance, Provided, RootDecision, RootPlan, RootWorld, StoredRoot, decide};
use crate::plan::rotation::{Circumstances, Transition};
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
        let held_up = confirmed(context, authority, terms, &decision, &observed).await?.err();
        if decision.plan == RootPlan::Keep || held_up.is_some() {
            let course = course(&observed.world, &decision);
            let Observed { loaded, survey, read_at, .. } = observed;
            let survey = held_up.unwrap_or(survey);
            return Ok(Passed { decision, loaded, survey, course, changes, read_at });
        }
        act(context, authority, terms, &decision.plan, &observed).await?;
        changes.push((decision.plan.as_str(), alarm(&decision)));
        context.metrics.changed_roots(&terms.name, decision.plan.as_str());
    }
    Err(Error::Stale { what: format!("root Secret of MtlsAuthority {}", terms.name) })
}

pub(super) struct Observed {
    world: RootWorld,
    pub(super) loaded: LoadedRoot,
    survey: Survey,
    pub(super) next: Option<AuthorityPem>,
    pub(super) provided: Option<AuthorityPem>,
    pub(super) recovery: Option<Recovery>,
    /// Version of the Secret, whatever it holds.
    pub(super) version: Option<String>,
    read_at: Moment,
}

async fn observe(context: &Context, authority: &MtlsAuthority, terms: &Terms) -> Result<Observed, Error> {
    let name = authority.root_secret_name();
    let place = format!("{}/{name}", context.namespace);
    let suspects = suspects(context, authority);
    let read_at = Moment::now(&context.clock);
    let found = context.requests.get::<Secret>(Some(&context.namespace), &name).await?;
    let loaded = match tenant(context, authority, &name).filter(|_| found.is_none()) {
        Some(tenant) => LoadedRoot::kept_for(&tenant, &place),
        None => root_secret::load(found.as_ref(), terms, &place, context.clock.now()),
    };
    let (provided, provided_pem) = provided(context, authority, terms).await?;
    let evidence = evidence(context, authority, terms, &loaded, &suspects).await?;
    let (acceptance, recovery) = match &evidence {
        Some(_) => recover(context, authority, terms, &suspects).await?,
        None => (Acceptance::NotAsked, None),
    };
    let (sight, survey) = rotation::look(context, authority, terms, &loaded);
    let around = Circumstances {
        now: context.clock.now(),
        rules: terms.rules(context.safeguards),
        provided,
        request: request(authority).map(str::to_owned),
        sight,
    };
    let world = RootWorld { secret_name: place, secret: loaded.secret.clone(), around, evidence, acceptance };
    let next = found.as_ref().map(root_secret::next_pem);
    let version = found.and_then(|secret| secret.metadata.resource_version);
    Ok(Observed { world, loaded, survey, next, provided: provided_pem, recovery, version, read_at })
}

/// Another authority whose root the Secret has held, where this one has had none.
fn tenant(context: &Context, authority: &MtlsAuthority, secret: &str) -> Option<String> {
    let has_had_a_root = authority.status.as_ref().is_some_and(|status| !status.roots.is_empty());
    let name = authority.metadata.name.as_deref().unwrap_or_default();
    context.roster.tenant(secret, name).filter(|_| !has_had_a_root)
}

/// The rotation that a person asks for.
pub(super) fn request(authority: &MtlsAuthority) -> Option<&str> {
    authority.metadata.annotations.as_ref()?.get(annotation::ROTATE).map(String::as_str)
}

/// What rests on the index is confirmed by a fresh look before it is done; or it is not, because of these.
async fn confirmed(
    context: &Context,
    authority: &MtlsAuthority,
    terms: &Terms,
    decision: &RootDecision,
    observed: &Observed,
) -> Result<Result<(), Survey>, Error> {
    match &decision.plan {
        RootPlan::Change { transition, .. } if rests_on_sight(transition, observed) => {
            rotation::confirm(context, terms, &observed.loaded).await
        }
        RootPlan::Change { transition: Transition::Announce(..), .. }
            if is_stable(observed) && rotation::has_exclusion(authority) =>
        {
            // It was said for the rotation before, and goes before another one begins.
            Ok(Err(observed.survey.clone()))
        }
        _ => Ok(Ok(())),
    }
}

fn is_stable(observed: &Observed) -> bool {
    observed.loaded.stored().is_some_and(|root| root.phase == Phase::Stable)
}

fn rests_on_sight(transition: &Transition, observed: &Observed) -> bool {
    let safeguards = observed.world.around.rules.safeguards;
    observed.loaded.stored().is_some_and(|root| transition.rests_on_sight(root, safeguards))
}

async fn act(
    context: &Context,
    authority: &MtlsAuthority,
    terms: &Terms,
    plan: &RootPlan,
    observed: &Observed,
) -> Result<(), Error> {
    let name = authority.root_secret_name();
    let patch = match plan {
        RootPlan::Keep => return Ok(()),
        RootPlan::Generate => {
            return create(context, authority, terms, &generate(context, terms)?, Origin::Generated).await;
        }
        RootPlan::Copy => {
            let Some(pem) = &observed.provided else { return Ok(()) };
            return create(context, authority, terms, pem, Origin::Provided).await;
        }
        RootPlan::Recover => return go_on(context, authority, terms, observed).await,
        RootPlan::Change { transition, .. } => change(context, authority, terms, transition, observed)?,
    };
    let Some(patch) = patch else { return Ok(()) };
    context.requests.patch_secret(&context.namespace, &name, patch, WRITE_TIMEOUT).await?;
    tracing::info!(authority = terms.name, plan = plan.as_str(), "changed the root Secret");
    Ok(())
}

/// The patch of a transition. Keys are made here, and nowhere before.
fn change(
    context: &Context,
    authority: &MtlsAuthority,
    terms: &Terms,
    transition: &Transition,
    observed: &Observed,
) -> Result<Option<Value>, Error> {
    let (now, rules) = (context.clock.now(), terms.rules(context.safeguards));
    let Some(change) = Change::of(&observed.loaded, terms, &rules, request(authority), now) else {
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
            successor(context, terms, *source, observed)?.map(|(pem, origin)| change.succeed(&pem, origin))
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
