//! One pass over one authority: observe its root and its rotation, decide, act, observe again; then tell everybody who
//! signs.

use super::act::{Done, add_evidence_key, create, generate, go_on, patched, successor};
use super::observe::{ObservedRoot, observe};
use crate::api::MtlsAuthority;
use crate::operator::authority::root::loaded_ca::{LoadedCa, LoadedRoot};
use crate::operator::authority::root::patch::RootPatch;
use crate::operator::authority::root::transition::{Requests, RootTransition};
use crate::operator::authority::rotation::blockers::Blockers;
use crate::operator::authority::rotation::confirmation::{HeldUp, confirm};
use crate::operator::context::Context;
use crate::operator::error::Error;
use crate::operator::issuers::ClockReading;
use crate::pki::{Authority, AuthorityPem};
use crate::plan::authority::ca_state::{CaState, Provided};
use crate::plan::authority::decide::decide;
use crate::plan::authority::decision::{RootDecision, RootPlan};
use crate::plan::authority::origin::Origin;
use crate::plan::authority::progress::{Deferred, RotationProgress, deferred, progress};
use crate::plan::authority::safeguards::Safeguard;
use crate::plan::authority::spec::AuthoritySpec;
use crate::plan::authority::transition::{NextRoot, Transition};
use crate::plan::authority::warning::disruption_warning;
use crate::plan::authority::world::RootWorld;

/// How an authority stands after a pass.
pub struct RootOutcome {
    /// The decision that holds.
    pub decision: RootDecision,
    /// The root Secret.
    pub loaded: LoadedRoot,
    /// Whom a rotation waits for.
    pub survey: Blockers,
    /// How the rotation goes on.
    pub course: RotationProgress,
    /// What waits for its end.
    pub deferred: Option<Deferred>,
    /// Whether the exclusion that a person asks for has served a rotation already.
    pub is_exclusion_spent: bool,
    /// The moment before it was read.
    pub read_at: ClockReading,
    /// What kept a change from being made: the rest holds, and this is tried again.
    pub error: Option<Error>,
}

impl RootOutcome {
    /// What the roots of this authority are, where the root Secret tells it.
    #[must_use]
    pub fn root(&self) -> Option<CaState> {
        self.loaded.held().filter(|_| self.course.is_known()).map(LoadedCa::state)
    }
}

/// Passes over an authority until nothing remains to be done to its root Secret.
///
/// # Errors
/// [`Error`]: transient, to be tried again.
pub async fn pass(
    context: &Context,
    authority: &MtlsAuthority,
    terms: &AuthoritySpec,
) -> Result<RootOutcome, Error> {
    pass_telling(context, authority, terms, &mut Vec::new()).await
}

/// The same, adding the changes that were made to the roots, in their order, each with what people must hear of it. They
/// are made, whatever the pass ends with.
///
/// # Errors
/// [`Error`]: transient, to be tried again.
pub async fn pass_telling(
    context: &Context,
    authority: &MtlsAuthority,
    terms: &AuthoritySpec,
    changes: &mut Vec<(&'static str, Option<String>)>,
) -> Result<RootOutcome, Error> {
    // Each round either changes the root Secret or ends; a root is made, then its limits raised, at most.
    for _ in 0..4 {
        let observed = observe(context, authority, terms).await?;
        let decision = decide(&observed.world);
        let held_up = confirmed(context, terms, &decision, &observed).await.err();
        if decision.plan == RootPlan::Keep || held_up.is_some() {
            return Ok(passed(authority, decision, observed, held_up));
        }
        match act(context, authority, terms, &decision.plan, &observed).await {
            Ok(Done::Written) if decision.plan.changes_roots() => {
                changes.push((
                    decision.plan.as_str(),
                    disruption_warning(&observed.world, &decision, &terms.name),
                ));
                context.metrics.changed_roots(&terms.name, decision.plan.as_str());
            }
            Ok(Done::Nothing | Done::Written) => {}
            Ok(Done::Unreadable(why)) => {
                tracing::error!(
                    authority = terms.name,
                    plan = decision.plan.as_str(),
                    why,
                    "refused a change"
                );
                let decision = decision.refused(&observed.world.secret_name, &why);
                return Ok(passed(authority, decision, observed, None));
            }
            // The root that signs goes on as it is.
            Err(error) if decision.signs && matches!(decision.plan, RootPlan::Change(_)) => {
                let held_up = HeldUp { survey: observed.survey.clone(), error: Some(error) };
                return Ok(passed(authority, decision, observed, Some(held_up)));
            }
            Err(error) => return Err(error),
        }
    }
    Err(Error::Stale { what: format!("root Secret of MtlsAuthority {}", terms.name) })
}

/// How the authority stands where nothing more is done to its root Secret.
fn passed(
    authority: &MtlsAuthority,
    decision: RootDecision,
    observed: ObservedRoot,
    held_up: Option<HeldUp>,
) -> RootOutcome {
    let course = progress(&observed.world, &decision);
    let deferred = observed.world.secret.held().and_then(|root| deferred(root, &observed.world.inputs));
    let ObservedRoot { loaded, survey, read_at, .. } = observed;
    let HeldUp { survey, error } = held_up.unwrap_or(HeldUp { survey, error: None });
    let served = loaded.held().and_then(|ca| ca.exclude_request.as_deref());
    let is_exclusion_spent = served.is_some() && served == authority.exclude_request();
    RootOutcome { decision, loaded, survey, course, deferred, is_exclusion_spent, read_at, error }
}

/// What rests on the index is confirmed by a fresh look before it is done; or it is not, because of this.
async fn confirmed(
    context: &Context,
    terms: &AuthoritySpec,
    decision: &RootDecision,
    observed: &ObservedRoot,
) -> Result<(), HeldUp> {
    match &decision.plan {
        RootPlan::Change(transition) if rests_on_distribution(transition, observed) => {
            confirm(context, terms, &observed.loaded, &observed.survey).await
        }
        _ => Ok(()),
    }
}

fn rests_on_distribution(transition: &Transition, observed: &ObservedRoot) -> bool {
    let safeguards = observed.world.inputs.rules.safeguards;
    observed.world.secret.held().is_some_and(|root| transition.rests_on_distribution(root, safeguards))
}

/// Carries a plan out.
async fn act(
    context: &Context,
    authority: &MtlsAuthority,
    terms: &AuthoritySpec,
    plan: &RootPlan,
    observed: &ObservedRoot,
) -> Result<Done, Error> {
    let (transition, root) = match plan {
        RootPlan::Keep => return Ok(Done::Nothing),
        RootPlan::Generate => {
            let pem = generate(context, terms)?;
            return create(context, authority, terms, &pem, Origin::Generated).await;
        }
        RootPlan::Copy => {
            let Some(pem) = &observed.provided else { return Ok(Done::Nothing) };
            return create(context, authority, terms, pem, Origin::Provided).await;
        }
        RootPlan::AddEvidenceKey => return add_evidence_key(context, terms, observed).await,
        RootPlan::Recover => return go_on(context, authority, terms, observed).await,
        RootPlan::Change(transition) => (transition, observed.world.secret.held()),
    };
    let patch = change(context, authority, terms, transition, observed)?;
    let Some(((patch, secret), root)) = patch.zip(observed.secret.as_ref()).zip(root) else {
        return Ok(Done::Nothing);
    };
    let done = patched(context, terms, secret, &patch, transition.leads_to(root)).await?;
    if matches!(done, Done::Written) {
        tracing::info!(authority = terms.name, plan = plan.as_str(), "changed the root Secret");
    }
    Ok(done)
}

/// The patch of a transition.
fn change(
    context: &Context,
    authority: &MtlsAuthority,
    terms: &AuthoritySpec,
    transition: &Transition,
    observed: &ObservedRoot,
) -> Result<Option<RootPatch>, Error> {
    let (now, rules) = (context.clock.now(), terms.rules(context.safeguards));
    let requests = Requests { rotate: authority.rotate_request(), exclude: authority.exclude_request() };
    let Some(ca) = observed.loaded.held() else { return Ok(None) };
    let change = RootTransition { spec: terms, rules: &rules, ca, requests, now };
    Ok(match transition {
        Transition::RaiseMaxLeafTtl => Some(change.raise_max_leaf_ttl()),
        Transition::Withdraw => Some(change.withdraw()),
        Transition::Drop(gone) => Some(change.drop(gone)),
        Transition::Replace => {
            observed.provided.as_ref().map(|pem| replacement(&change, pem, &observed.world))
        }
        Transition::Switch { .. } => observed.next().map(|pem| change.switch(&pem)),
        Transition::Announce(origin, _) => match successor(context, terms, NextRoot::New(*origin), observed)?
        {
            Some(pem) => Some(announcement(context, &change, &pem, *origin)?),
            None => None,
        },
        Transition::Succeed(next) => {
            successor(context, terms, *next, observed)?.map(|pem| change.succeed(&pem, *next))
        }
    })
}

fn replacement(change: &RootTransition<'_>, pem: &AuthorityPem, world: &RootWorld) -> RootPatch {
    let is_same_signer = matches!(
        &world.inputs.provided,
        Provided::Sound { fingerprint, .. } if *fingerprint == change.ca.signer.ca.fingerprint().to_string()
    );
    if is_same_signer { change.replace_anchors(pem) } else { change.replace(pem) }
}

/// The next root, with its cross-certificate where the signer may make one and a path over the signer would hold.
fn announcement(
    context: &Context,
    change: &RootTransition<'_>,
    pem: &AuthorityPem,
    origin: Origin,
) -> Result<RootPatch, Error> {
    if !may_certify(change) {
        return Ok(change.announce(pem, origin, None));
    }
    let now = context.signing_time()?;
    let next = Authority::load(pem, now)?;
    let cross = change.ca.signer.ca.cross_certify(&next, now);
    if let Err(error) = &cross {
        tracing::warn!(%error, authority = change.spec.name, "the next root has no cross-certificate");
    }
    Ok(change.announce(pem, origin, cross.ok().as_ref()))
}

/// A CA certificate in the name of a company is not the operator's to make, unless people say so.
fn may_certify(change: &RootTransition<'_>) -> bool {
    let may_sign = !change.ca.signer.origin.is_provided() || change.spec.provided_may_certify;
    may_sign && change.rules.safeguards.hold(Safeguard::CrossCertificates)
}
