//! Rotation of a root: `(state of the CA, what people want, what was seen, now) → transition`. A new root signs only
//! after every consumer was seen to carry it, and a former one is trusted until its last leaf is gone (I2).
//!
//! ```text
//! Stable ── Announce ──▶ Announced ── Switch ──▶ Draining ── Drop ──▶ Stable
//!                            │ Withdraw ▶ Stable
//! ```

use jiff::SignedDuration;

use super::ca_state::{CaState, NextCa, Provided};
use super::distrust::Why;
use super::origin::Origin;
use super::retiring_root::RetiringRoot;
use super::rotation_inputs::RotationInputs;
use super::safeguards::Safeguard;
use super::timing::forced_at;
use super::transition::{Cause, NextRoot, Transition};
use crate::api::authority::Phase;

/// The change that a sound root needs now. At most one: the next look sees what it has become.
#[must_use]
pub fn transition(root: &CaState, around: &RotationInputs) -> Option<Transition> {
    if let Some(transition) = drop_distrusted(root, &around.provided) {
        return Some(transition);
    }
    if is_replacement(root, &around.provided) {
        return Some(Transition::Replace);
    }
    if has_longer_leaves(root, around) {
        return Some(Transition::RaiseMaxLeafTtl);
    }
    match root.phase {
        Phase::Stable => cause(root, around).map(|cause| Transition::Announce(origin(around), cause)),
        Phase::Announced => announced(root, around),
        Phase::Draining => draining(root, around),
    }
}

/// Whether identities may ask for a longer lifetime than is recorded.
pub(super) fn has_longer_leaves(root: &CaState, around: &RotationInputs) -> bool {
    root.max_leaf_ttl < around.rules.max_leaf_ttl.as_secs() && holds(around, Safeguard::RecordedLifetime)
}

/// Whether people provide what can be switched to at once: another signer below the same anchors, or the same signer with
/// other anchors. Either way every leaf chains to what everybody trusts.
fn is_replacement(root: &CaState, provided: &Provided) -> bool {
    let Provided::Sound { fingerprint, anchors } = provided else { return false };
    match (*fingerprint == root.fingerprint, *anchors == root.anchors) {
        (false, true) => root.next.is_none(),
        (true, false) => root.phase == Phase::Stable,
        _ => false,
    }
}

/// What is distrusted leaves every bundle at once, whoever still needs it.
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
pub fn immediate_successor(root: &CaState, around: &RotationInputs) -> Option<Transition> {
    match &around.provided {
        Provided::Sound { anchors, .. } if *anchors == root.anchors && root.distrusted.is_none() => {
            Some(Transition::Replace)
        }
        _ if root.next.as_ref().is_some_and(|next| next.distrusted.is_none()) => {
            Some(Transition::Succeed(NextRoot::Existing))
        }
        // What leads to the distrusted CA leads there below each of its roots.
        Provided::Sound { anchors, .. }
            if *anchors == root.anchors && root.distrusted != Some(Why::Named) =>
        {
            None
        }
        Provided::Sound { .. } => Some(Transition::Succeed(NextRoot::New(Origin::Provided))),
        Provided::NotAsked => Some(Transition::Succeed(NextRoot::New(Origin::Generated))),
        Provided::Missing(_) | Provided::Invalid(_) => None,
    }
}

const fn holds(around: &RotationInputs, safeguard: Safeguard) -> bool {
    around.rules.safeguards.hold(safeguard)
}

const fn origin(around: &RotationInputs) -> Origin {
    match around.provided {
        Provided::Sound { .. } => Origin::Provided,
        Provided::NotAsked | Provided::Missing(_) | Provided::Invalid(_) => Origin::Generated,
    }
}

/// Why another root than the signer is wanted, if one is.
pub(super) fn cause(root: &CaState, around: &RotationInputs) -> Option<Cause> {
    match &around.provided {
        Provided::Sound { fingerprint, .. } if *fingerprint != root.fingerprint => Some(Cause::Provision),
        // Nobody but people can make the successor of what they provide.
        Provided::Sound { .. } => None,
        Provided::NotAsked if root.origin.is_provided() => Some(Cause::Provision),
        Provided::Missing(_) | Provided::Invalid(_) if root.origin.is_provided() => None,
        _ if is_requested(root, around) => Some(Cause::Requested),
        _ => is_due(root, around).then_some(Cause::Due),
    }
}

pub(super) fn is_requested(root: &CaState, around: &RotationInputs) -> bool {
    around.request.is_some() && around.request != root.rotate_request
}

fn is_due(root: &CaState, around: &RotationInputs) -> bool {
    around.now.duration_since(root.window.not_after) + around.rules.renew_before >= SignedDuration::ZERO
}

fn announced(root: &CaState, around: &RotationInputs) -> Option<Transition> {
    if !root.next.as_ref().is_some_and(|next| is_wanted(next, around)) {
        return Some(Transition::Withdraw);
    }
    if is_distributed(root, around) {
        return Some(Transition::Switch { is_forced: false });
    }
    let is_overdue = around.now >= forced_at(root, around.rules.propagation);
    let is_forced = is_overdue && holds(around, Safeguard::ForcedSwitch);
    is_forced.then_some(Transition::Switch { is_forced })
}

/// Whether consumers have had the time to load the next root, since the last of them was seen without it.
fn is_distributed(root: &CaState, around: &RotationInputs) -> bool {
    match (holds(around, Safeguard::Gate), holds(around, Safeguard::Wait)) {
        (true, true) => is_quiet(around),
        (true, false) => around.sight.quiet_for.is_some(),
        (false, true) => around.now.duration_since(root.since) >= around.rules.propagation,
        (false, false) => true,
    }
}

/// Whether the announced root is still what people want.
fn is_wanted(next: &NextCa, around: &RotationInputs) -> bool {
    match &around.provided {
        Provided::Sound { fingerprint, .. } => *fingerprint == next.fingerprint,
        Provided::NotAsked => !next.origin.is_provided(),
        // Half-written input changes nothing.
        Provided::Missing(_) | Provided::Invalid(_) => true,
    }
}

/// Whether consumers have had the time to load what lies in their Secrets.
fn is_quiet(around: &RotationInputs) -> bool {
    around.sight.quiet_for.is_some_and(|span| span >= around.rules.propagation)
}

fn draining(root: &CaState, around: &RotationInputs) -> Option<Transition> {
    let is_gone_by_sight = is_quiet(around) || !holds(around, Safeguard::DrainSight);
    let is_gone_by_bound =
        |former: &RetiringRoot| around.now >= former.until || !holds(around, Safeguard::DrainBound);
    let gone: Vec<String> = root
        .retiring
        .iter()
        .filter(|former| is_gone_by_sight && is_gone_by_bound(former))
        .map(|former| former.fingerprint.clone())
        .collect();
    (!gone.is_empty() || root.retiring.is_empty()).then_some(Transition::Drop(gone))
}
