//! Rotation of a root: `(state of the CA, what is wanted, what was observed, now) → transition`. A new root signs only after
//! every consumer was observed to carry it, and a former one is trusted until its last leaf has expired (I2).
//!
//! ```text
//! Stable ── Announce ──▶ Announced ── Switch ──▶ Draining ── Drop ──▶ Stable
//!                            │ Withdraw ▶ Stable
//! ```

use jiff::SignedDuration;

use super::ca_state::{CaState, NextCa, Provided};
use super::distrust::DistrustReason;
use super::origin::Origin;
use super::retiring_root::RetiringRoot;
use super::rotation_inputs::RotationInputs;
use super::safeguards::Safeguard;
use super::timing::forced_at;
use super::transition::{Cause, NextRoot, Transition};
use crate::api::authority::Phase;

/// The change that a sound root needs now. At most one: the next reconcile observes its result.
#[must_use]
pub fn transition(root: &CaState, inputs: &RotationInputs) -> Option<Transition> {
    if let Some(transition) = drop_distrusted(root, &inputs.provided) {
        return Some(transition);
    }
    if is_replacement(root, &inputs.provided) {
        return Some(Transition::Replace);
    }
    if has_longer_leaves(root, inputs) {
        return Some(Transition::RaiseMaxLeafTtl);
    }
    match root.phase {
        Phase::Stable => cause(root, inputs).map(|cause| Transition::Announce(origin(inputs), cause)),
        Phase::Announced => announced(root, inputs),
        Phase::Draining => draining(root, inputs),
    }
}

/// Whether identities may ask for a longer lifetime than is recorded.
pub(super) fn has_longer_leaves(root: &CaState, inputs: &RotationInputs) -> bool {
    root.max_leaf_ttl < inputs.rules.max_leaf_ttl.as_secs() && holds(inputs, Safeguard::RecordedLifetime)
}

/// Whether a CA is provided that can sign at once: another signer below the same anchors, or the same signer with
/// other anchors. Either way every leaf chains to a root that all consumers trust.
fn is_replacement(root: &CaState, provided: &Provided) -> bool {
    let Provided::Sound { fingerprint, anchors } = provided else { return false };
    match (*fingerprint == root.fingerprint, *anchors == root.anchors) {
        (false, true) => root.next.is_none(),
        (true, false) => root.phase == Phase::Stable,
        _ => false,
    }
}

/// What is distrusted leaves every bundle at once, even where a consumer still needs it.
fn drop_distrusted(root: &CaState, provided: &Provided) -> Option<Transition> {
    if let Some(next) = root.next.as_ref().filter(|next| next.distrusted.is_some()) {
        let is_generated = !next.origin.is_provided() && *provided == Provided::NotAsked;
        let another = Transition::Announce(Origin::Generated, Cause::Distrust);
        return Some(if is_generated { another } else { Transition::Withdraw });
    }
    let gone = root.retiring.iter().filter(|former| former.distrusted.is_some());
    let gone: Vec<String> = gone.map(|former| former.fingerprint.clone()).collect();
    (!gone.is_empty()).then_some(Transition::Drop(gone))
}

/// What follows a root that has expired or is distrusted: nothing may be signed with it, so the next one signs at once.
#[must_use]
pub fn immediate_successor(root: &CaState, inputs: &RotationInputs) -> Option<Transition> {
    match &inputs.provided {
        Provided::Sound { anchors, .. } if *anchors == root.anchors && root.distrusted.is_none() => {
            Some(Transition::Replace)
        }
        _ if root.next.as_ref().is_some_and(|next| next.distrusted.is_none()) => {
            Some(Transition::Succeed(NextRoot::Existing))
        }
        // What leads to the distrusted CA leads there below each of its roots.
        Provided::Sound { anchors, .. }
            if *anchors == root.anchors && root.distrusted != Some(DistrustReason::Named) =>
        {
            None
        }
        Provided::Sound { .. } => Some(Transition::Succeed(NextRoot::New(Origin::Provided))),
        Provided::NotAsked => Some(Transition::Succeed(NextRoot::New(Origin::Generated))),
        Provided::Missing(_) | Provided::Invalid(_) => None,
    }
}

const fn holds(inputs: &RotationInputs, safeguard: Safeguard) -> bool {
    inputs.rules.safeguards.hold(safeguard)
}

const fn origin(inputs: &RotationInputs) -> Origin {
    match inputs.provided {
        Provided::Sound { .. } => Origin::Provided,
        Provided::NotAsked | Provided::Missing(_) | Provided::Invalid(_) => Origin::Generated,
    }
}

/// Why another root than the signer is wanted, if one is.
pub(super) fn cause(root: &CaState, inputs: &RotationInputs) -> Option<Cause> {
    match &inputs.provided {
        Provided::Sound { fingerprint, .. } if *fingerprint != root.fingerprint => Some(Cause::Provision),
        // The operator cannot make the successor of a provided CA.
        Provided::Sound { .. } => None,
        Provided::NotAsked if root.origin.is_provided() => Some(Cause::Provision),
        Provided::Missing(_) | Provided::Invalid(_) if root.origin.is_provided() => None,
        _ if is_requested(root, inputs) => Some(Cause::Requested),
        _ => is_due(root, inputs).then_some(Cause::Due),
    }
}

pub(super) fn is_requested(root: &CaState, inputs: &RotationInputs) -> bool {
    inputs.request.is_some() && inputs.request != root.rotate_request
}

fn is_due(root: &CaState, inputs: &RotationInputs) -> bool {
    inputs.now.duration_since(root.window.not_after) + inputs.rules.renew_before >= SignedDuration::ZERO
}

fn announced(root: &CaState, inputs: &RotationInputs) -> Option<Transition> {
    if !root.next.as_ref().is_some_and(|next| is_wanted(next, inputs)) {
        return Some(Transition::Withdraw);
    }
    if is_distributed(root, inputs) {
        return Some(Transition::Switch { is_forced: false });
    }
    let is_overdue = inputs.now >= forced_at(root, inputs.rules.propagation);
    let is_forced = is_overdue && holds(inputs, Safeguard::ForcedSwitch);
    is_forced.then_some(Transition::Switch { is_forced })
}

/// Whether consumers have had the time to load the next root, since the last of them was observed without it.
fn is_distributed(root: &CaState, inputs: &RotationInputs) -> bool {
    match (holds(inputs, Safeguard::Gate), holds(inputs, Safeguard::Wait)) {
        (true, true) => is_quiet(inputs),
        (true, false) => inputs.distribution.quiet_for.is_some(),
        (false, true) => inputs.now.duration_since(root.since) >= inputs.rules.propagation,
        (false, false) => true,
    }
}

/// Whether the announced root is still wanted.
fn is_wanted(next: &NextCa, inputs: &RotationInputs) -> bool {
    match &inputs.provided {
        Provided::Sound { fingerprint, .. } => *fingerprint == next.fingerprint,
        Provided::NotAsked => !next.origin.is_provided(),
        // Half-written input changes nothing.
        Provided::Missing(_) | Provided::Invalid(_) => true,
    }
}

/// Whether consumers have had the time to load the content of their Secrets.
fn is_quiet(inputs: &RotationInputs) -> bool {
    inputs.distribution.quiet_for.is_some_and(|span| span >= inputs.rules.propagation)
}

fn draining(root: &CaState, inputs: &RotationInputs) -> Option<Transition> {
    let is_unseen = is_quiet(inputs) || !holds(inputs, Safeguard::DrainSight);
    let is_past_bound =
        |former: &RetiringRoot| inputs.now >= former.until || !holds(inputs, Safeguard::DrainBound);
    let gone: Vec<String> = root
        .retiring
        .iter()
        .filter(|former| is_unseen && is_past_bound(former))
        .map(|former| former.fingerprint.clone())
        .collect();
    (!gone.is_empty() || root.retiring.is_empty()).then_some(Transition::Drop(gone))
}
