//! What status and conditions may say of a rotation.
//!
//! A phase that is unknown is reported as unknown, and every request that is not carried out yet is reported.

use super::ca_state::{CaState, Provided, RootSecret};
use super::decision::RootDecision;
use super::reason::AuthorityReason;
use super::rotation;
use super::rotation_inputs::RotationInputs;
use super::transition::Cause;
use super::world::RootWorld;
use crate::api::authority::Phase;

/// How far a rotation is known, and what becomes of a request for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RotationProgress {
    /// Its phase is known; with what becomes of a request that is not answered yet.
    Known(Option<PendingRequest>),
    /// It pauses until a root signs again.
    Halted,
    /// Unknown, for this reason: the root Secret cannot be read, or does not hold the root that it should.
    Unknown(AuthorityReason),
}

/// What becomes of a rotation that the annotation `rotate` requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PendingRequest {
    /// It begins when the one under way has ended.
    Queued,
    /// Nothing: the successor of a provided CA must be provided.
    NotRotatable,
}

/// A change of the provided CA that waits for the end of the rotation under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deferred {
    /// Other anchors beside the same signer.
    Anchors,
    /// Another CA.
    Ca,
    /// No CA is provided any more.
    Removal,
}

impl RotationProgress {
    /// Whether the root Secret shows the state of the roots of this authority.
    #[must_use]
    pub const fn is_known(self) -> bool {
        !matches!(self, Self::Unknown(_))
    }
}

/// The progress of the rotation of an authority with this decision.
#[must_use]
pub fn progress(world: &RootWorld, decision: &RootDecision) -> RotationProgress {
    match (decision.reason, &world.secret) {
        // A change that was refused leaves the root that signs, and its Secret, as they were.
        (
            AuthorityReason::RootLost | AuthorityReason::RootInvalid | AuthorityReason::TrustDomainMismatch,
            _,
        ) if !decision.signs => RotationProgress::Unknown(decision.reason),
        (_, RootSecret::Sound(root)) if decision.signs => {
            RotationProgress::Known(pending_request(root, &world.inputs))
        }
        _ => RotationProgress::Halted,
    }
}

/// A request is answered by the rotation that it begins. Whether it begins one at the end of this one is asked of the same
/// rule that will decide it then.
fn pending_request(root: &CaState, inputs: &RotationInputs) -> Option<PendingRequest> {
    if !rotation::is_requested(root, inputs) {
        return None;
    }
    let begins = rotation::cause(&after_rotation(root), inputs).is_some();
    match (begins, root.phase) {
        (false, _) => Some(PendingRequest::NotRotatable),
        (true, Phase::Announced | Phase::Draining) => Some(PendingRequest::Queued),
        (true, Phase::Stable) => None,
    }
}

/// The change that waits for the end of the rotation under way. This, too, is asked of the rule that will decide it then.
#[must_use]
pub fn deferred(root: &CaState, inputs: &RotationInputs) -> Option<Deferred> {
    if root.phase == Phase::Stable {
        return None;
    }
    let rest = after_rotation(root);
    let is_another = rotation::cause(&rest, inputs) == Some(Cause::Provision);
    match &inputs.provided {
        Provided::Sound { .. } if is_another => Some(Deferred::Ca),
        Provided::Sound { anchors, .. } => (*anchors != rest.anchors).then_some(Deferred::Anchors),
        Provided::NotAsked => is_another.then_some(Deferred::Removal),
        Provided::Missing(_) | Provided::Invalid(_) => None,
    }
}

/// The root that signs when the rotation has ended.
fn after_rotation(root: &CaState) -> CaState {
    let Some(next) = &root.next else { return root.clone() };
    CaState {
        fingerprint: next.fingerprint.clone(),
        anchors: next.anchors.clone(),
        origin: next.origin,
        ..root.clone()
    }
}
