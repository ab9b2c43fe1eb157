//! Decides what is done to the root of an authority: it is generated once, or copied from a provided CA, and never silently
//! replaced (I11).
//!
//! Total: each world has exactly one decision, and the decision names its reason.

use super::ca_state::{CaState, Provided, RootSecret};
use super::clock_halt::halted;
use super::decision::{RootDecision, RootPlan};
use super::distrust::DistrustReason;
use super::ending::end_warning;
use super::evidence::Evidence;
use super::origin::Origin;
use super::reason::AuthorityReason;
use super::rotation;
use super::transition::Transition;
use super::world::{LossAcceptance, RootWorld};
use crate::api::names::annotation;
use crate::pki::abbreviated;

/// Decides what an authority's root needs. While a part of the spec that matters to the root cannot be read, the root stays as
/// it is; a graver reason takes precedence.
#[must_use]
pub fn decide(world: &RootWorld) -> RootDecision {
    let decision = decide_readable(world);
    let Some(unread) = world.unread.sentence() else { return decision };
    let is_held = world.unread.freezes_root() && decision.plan != RootPlan::Keep;
    let plan = if is_held { recording(world) } else { decision.plan.clone() };
    let reason =
        if decision.reason == AuthorityReason::Ready { AuthorityReason::Invalid } else { decision.reason };
    let message = match (reason, decision.signs) {
        (_, false) if is_held => format!("no root signs, and none is made: {unread}"),
        _ => format!("{}; but {unread}", decision.message),
    };
    RootDecision { plan, reason, stalled: true, message, ..decision }
}

/// What is written though the root stays as it is: a longer lifetime of leaves is recorded before the first such leaf.
fn recording(world: &RootWorld) -> RootPlan {
    match &world.secret {
        RootSecret::Sound(root) if rotation::has_longer_leaves(root, &world.inputs) => {
            RootPlan::Change(Transition::RaiseMaxLeafTtl)
        }
        _ => RootPlan::Keep,
    }
}

fn decide_readable(world: &RootWorld) -> RootDecision {
    let decision = decide_by_clock(world);
    match &world.clock {
        Some(why) => halted(world, decision, why),
        None => decision,
    }
}

fn decide_by_clock(world: &RootWorld) -> RootDecision {
    match &world.secret {
        RootSecret::NotOurs(why) | RootSecret::Invalid(why) => {
            RootDecision::stalled(AuthorityReason::RootInvalid, why.clone())
        }
        RootSecret::OtherTrustDomain(why) => {
            RootDecision::stalled(AuthorityReason::TrustDomainMismatch, why.clone())
        }
        secret => match (&world.evidence, secret) {
            (Some(_), RootSecret::Absent) if world.acceptance == LossAcceptance::NoneLost => absent(world),
            (Some(evidence), _) => lost(world, evidence),
            (None, RootSecret::Expired(root)) => expired(world, root),
            (None, RootSecret::Sound(root)) => sound(world, root),
            (None, _) => absent(world),
        },
    }
}

fn lost(world: &RootWorld, evidence: &Evidence) -> RootDecision {
    let what = &evidence.what;
    let otherwise =
        evidence.otherwise.as_ref().map_or_else(String::new, |otherwise| format!(". {otherwise}"));
    let restore = format!(
        "{what}; restore Secret {} from a backup. Nothing is signed until then{otherwise}. Without a backup: the annotation {}, as the runbook RootLost says",
        world.secret_name,
        annotation::ACCEPT_ROOT_LOSS
    );
    let can_sign = matches!(world.inputs.provided, Provided::NotAsked | Provided::Sound { .. });
    match &world.acceptance {
        LossAcceptance::Found if can_sign => RootDecision {
            plan: RootPlan::Recover,
            signs: false,
            reason: AuthorityReason::RootLost,
            stalled: false,
            message: format!("{what}; its loss is accepted, and another root is taking its place"),
            warning: None,
        },
        LossAcceptance::Found => {
            let why = "its loss is accepted, but there is no CA to continue with: correct the Secret that spec.root.provided.secretName names";
            RootDecision::stalled(AuthorityReason::RootLost, format!("{what}; {why}"))
        }
        LossAcceptance::Refused(why) => {
            RootDecision::stalled(AuthorityReason::RootLost, format!("{restore}; {why}"))
        }
        LossAcceptance::NotAsked | LossAcceptance::NoneLost => {
            RootDecision::stalled(AuthorityReason::RootLost, restore)
        }
    }
}

fn absent(world: &RootWorld) -> RootDecision {
    match &world.inputs.provided {
        Provided::NotAsked => RootDecision::making(RootPlan::Generate),
        Provided::Sound { .. } => RootDecision::making(RootPlan::Copy),
        Provided::Missing(why) => RootDecision::stalled(AuthorityReason::ProvidedMissing, why.clone()),
        Provided::Invalid(why) => RootDecision::stalled(AuthorityReason::ProvidedInvalid, why.clone()),
    }
}

/// An expired root can sign nothing, so that nothing is gained by waiting: another root signs at once, where there is one.
fn expired(world: &RootWorld, root: &CaState) -> RootDecision {
    let what = format!("the root in Secret {} expired at {}", world.secret_name, root.window.not_after);
    match rotation::immediate_successor(root, &world.inputs) {
        Some(transition) => RootDecision {
            plan: RootPlan::Change(transition),
            signs: false,
            reason: AuthorityReason::RootExpired,
            stalled: false,
            message: format!("{what}; another one is taking its place"),
            warning: None,
        },
        None => RootDecision::stalled(
            AuthorityReason::RootExpired,
            format!(
                "{what}; nothing is signed. Put a CA that is valid into the Secret that spec.root.provided.secretName names"
            ),
        ),
    }
}

/// A root that may be in other hands signs nothing, not even until another one is there.
fn distrusted(world: &RootWorld, root: &CaState, why: &DistrustReason) -> RootDecision {
    let what = format!("root {} is distrusted: {}", abbreviated(&root.fingerprint), why.sentence());
    match rotation::immediate_successor(root, &world.inputs) {
        Some(transition) => RootDecision {
            plan: RootPlan::Change(transition),
            signs: false,
            reason: AuthorityReason::Distrusted,
            stalled: false,
            message: format!("{what}; another one is taking its place"),
            warning: None,
        },
        None => RootDecision::stalled(
            AuthorityReason::Distrusted,
            format!(
                "{what}; nothing is signed. Put a CA below another root into the Secret that spec.root.provided.secretName names: until then trust bundles keep its anchors, and peers accept what is signed with its key{}",
                accepted(root)
            ),
        ),
    }
}

/// X.509 has no way to distrust an intermediate below a root that peers trust.
fn accepted(root: &CaState) -> String {
    root.accepted_intermediate.as_ref().map_or_else(String::new, |(intermediate, until)| {
        format!(
            ". Peers accept what intermediate {} signs until {until}, because a root above it is still trusted",
            abbreviated(intermediate)
        )
    })
}

fn sound(world: &RootWorld, root: &CaState) -> RootDecision {
    if let Some(why) = &root.distrusted {
        return distrusted(world, root, why);
    }
    let decision = match &world.inputs.provided {
        Provided::Missing(why) => stays(world, root, AuthorityReason::ProvidedMissing, why),
        Provided::Invalid(why) => stays(world, root, AuthorityReason::ProvidedInvalid, why),
        Provided::Sound { .. } | Provided::NotAsked if root.accepted_intermediate.is_some() => {
            let advice = "provide a CA below another root";
            let message = format!("spec.distrustedRoots names an intermediate; {advice}{}", accepted(root));
            RootDecision {
                reason: AuthorityReason::Distrusted,
                stalled: true,
                message,
                ..signing(world, root)
            }
        }
        Provided::Sound { .. } | Provided::NotAsked => signing(world, root),
    };
    RootDecision { warning: end_warning(root, &world.inputs), ..decision }
}

fn stays(world: &RootWorld, root: &CaState, reason: AuthorityReason, why: &str) -> RootDecision {
    let signer = match root.origin {
        Origin::Provided => "copy",
        Origin::Generated => "generated root",
    };
    let message = format!("{why}. Signing goes on with the {signer} in force");
    RootDecision { reason, stalled: true, message, ..signing(world, root) }
}

fn signing(world: &RootWorld, root: &CaState) -> RootDecision {
    let plan = match rotation::transition(root, &world.inputs) {
        Some(transition) => RootPlan::Change(transition),
        None if !root.has_evidence_key => RootPlan::AddEvidenceKey,
        None => RootPlan::Keep,
    };
    RootDecision::signing(plan, root)
}
