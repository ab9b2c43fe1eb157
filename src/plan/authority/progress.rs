//! What may be said of a rotation: nobody is told of a phase that nobody knows, and no request is passed over in silence.

use super::ca_state::{CaState, Provided, RootSecret};
use super::decision::RootDecision;
use super::reason::AuthorityReason;
use super::rotation;
use super::rotation_inputs::RotationInputs;
use super::transition::Cause;
use super::world::RootWorld;
use crate::api::authority::Phase;

/// How a rotation goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RotationProgress {
    /// By its phase; with what becomes of a request that has no answer yet.
    Known(Option<PendingRequest>),
    /// Not before a root signs again.
    Halted,
    /// Nobody knows: the root Secret cannot be read, or does not hold the root that it should. For this reason.
    Unknown(AuthorityReason),
}

/// What becomes of a rotation that a person has asked for by annotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PendingRequest {
    /// It begins when the one under way has ended.
    Queued,
    /// Nothing: only people can make the successor of what they provide.
    NotRotatable,
}

/// What people have changed about the CA that they provide, and a rotation under way keeps from taking effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deferred {
    /// Other anchors beside the same signer.
    Anchors,
    /// Another CA.
    Ca,
    /// They provide none any more.
    Removal,
}

impl RotationProgress {
    /// Whether the root Secret tells what the roots of this authority do.
    #[must_use]
    pub const fn is_known(self) -> bool {
        !matches!(self, Self::Unknown(_))
    }
}

/// How the rotation of an authority that stands so goes on.
#[must_use]
pub fn course(world: &RootWorld, decision: &RootDecision) -> RotationProgress {
    match (decision.reason, &world.secret) {
        // A change that was refused leaves the root that signs, and its Secret, as they were.
        (
            AuthorityReason::RootLost | AuthorityReason::RootInvalid | AuthorityReason::TrustDomainMismatch,
            _,
        ) if !decision.signs => RotationProgress::Unknown(decision.reason),
        (_, RootSecret::Sound(root)) if decision.signs => {
            RotationProgress::Known(unanswered(root, &world.around))
        }
        _ => RotationProgress::Halted,
    }
}

/// A request is answered by the rotation that it begins. Whether it begins one at the end of this, is asked of the very
/// rule that will decide it then.
fn unanswered(root: &CaState, around: &RotationInputs) -> Option<PendingRequest> {
    if !rotation::is_requested(root, around) {
        return None;
    }
    let begins = rotation::cause(&at_rest(root), around).is_some();
    match (begins, root.phase) {
        (false, _) => Some(PendingRequest::NotRotatable),
        (true, Phase::Announced | Phase::Draining) => Some(PendingRequest::Queued),
        (true, Phase::Stable) => None,
    }
}

/// What waits for the end of the rotation that is under way. Asked, too, of the rule that will decide it then.
#[must_use]
pub fn deferred(root: &CaState, around: &RotationInputs) -> Option<Deferred> {
    if root.phase == Phase::Stable {
        return None;
    }
    let rest = at_rest(root);
    let is_another = rotation::cause(&rest, around) == Some(Cause::Provision);
    match &around.provided {
        Provided::Sound { .. } if is_another => Some(Deferred::Ca),
        Provided::Sound { anchors, .. } => (*anchors != rest.anchors).then_some(Deferred::Anchors),
        Provided::NotAsked => is_another.then_some(Deferred::Removal),
        Provided::Missing(_) | Provided::Invalid(_) => None,
    }
}

/// The root that signs when the rotation has ended.
fn at_rest(root: &CaState) -> CaState {
    let Some(next) = &root.next else { return root.clone() };
    CaState {
        fingerprint: next.fingerprint.clone(),
        anchors: next.anchors.clone(),
        origin: next.origin,
        ..root.clone()
    }
}
