//! Rotation of a root: `(state of the CA, what people want, what was seen, now) → transition`. A new root signs only
//! after every consumer was seen to carry it, and a former one is trusted until its last leaf is gone (I2).
//!
//! ```text
//! Stable ── Announce ──▶ Announced ── Switch ──▶ Draining ── Drop ──▶ Stable
//!                            │ Withdraw ▶ Stable
//! ```

use jiff::{SignedDuration, Timestamp};

use super::decide::{CaState, Provided, StoredRetiring};
use super::distrust::Why;
pub use super::quiet_period::Distribution;
use super::safeguards::{Safeguard, Safeguards};
pub use super::timing::{drain_bound, forced_at, step};
use crate::api::authority::Phase;

/// What a rotation depends on besides the root Secret.
#[derive(Clone, Debug)]
pub struct RotationInputs {
    /// This moment.
    pub now: Timestamp,
    /// What it goes by.
    pub rules: Rules,
    /// The CA that people provide.
    pub provided: Provided,
    /// Value of the annotation `rotate`.
    pub request: Option<String>,
    /// What was seen of the distribution.
    pub sight: Distribution,
}

/// What a rotation goes by: durations of the authority's spec, and the safeguards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// How long consumers may take to see a changed Secret.
    pub propagation: SignedDuration,
    /// Within which time each step reaches every Secret.
    pub spread_over: SignedDuration,
    /// How long before its end a generated root is replaced.
    pub renew_before: SignedDuration,
    /// The largest `leaf.maxTTL` in force.
    pub max_leaf_ttl: SignedDuration,
    /// The safeguards that hold.
    pub safeguards: Safeguards,
}

/// Where a new root comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The operator makes it.
    Generated,
    /// People provide it.
    Provided,
    /// It was announced before.
    Announced,
}

/// Why a root is announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The signer comes to its end.
    Due,
    /// A person asked by annotation.
    Requested,
    /// People provide another CA, or none any more.
    Provision,
    /// The root that was announced is distrusted.
    Distrust,
}

/// One change of the root Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transition {
    /// A next root is stored beside the signer, and trusted.
    Announce(Source, Cause),
    /// The next root is no longer wanted: nothing was signed with it.
    Withdraw,
    /// The next root signs, and the former one is only trusted.
    Switch {
        /// Whether a Secret, trust bundle or endpoint may still be without it.
        is_forced: bool,
    },
    /// Another root signs at once, because the signer has expired or is distrusted.
    Succeed(Source),
    /// These retiring roots are trusted no more.
    Drop(Vec<String>),
    /// Another signer of the same anchors, or the same signer with other anchors, is in force at once.
    Replace,
    /// The larger lifetime of leaves is recorded before the first such leaf is signed.
    RaiseMaxLeafTtl,
}

impl Transition {
    /// The word for log lines, Events and metrics.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Announce(..) => "Announce",
            Self::Withdraw => "Withdraw",
            Self::Switch { is_forced: false } => "Switch",
            Self::Switch { is_forced: true } => "SwitchForced",
            Self::Succeed(_) => "Succeed",
            Self::Drop(_) => "Drop",
            Self::Replace => "Replace",
            Self::RaiseMaxLeafTtl => "RaiseMaxLeafTtl",
        }
    }

    /// The phase that it leads to.
    #[must_use]
    pub fn leads_to(&self, root: &CaState) -> Phase {
        let draining = |is_left: bool| if is_left { Phase::Draining } else { Phase::Stable };
        match self {
            Self::Announce(..) => Phase::Announced,
            Self::Withdraw => Phase::Stable,
            Self::Switch { .. } => Phase::Draining,
            Self::Succeed(_) => draining(root.retiring.iter().any(|former| former.distrusted.is_none())),
            Self::Drop(gone) => {
                draining(root.retiring.iter().any(|former| !gone.contains(&former.fingerprint)))
            }
            Self::Replace | Self::RaiseMaxLeafTtl => root.phase,
        }
    }

    /// Whether it rests on what was seen, so that a fresh look must confirm it.
    #[must_use]
    pub fn rests_on_sight(&self, root: &CaState, safeguards: Safeguards) -> bool {
        match self {
            Self::Switch { is_forced } => !*is_forced && safeguards.hold(Safeguard::Gate),
            Self::Drop(_) => !has_distrusted(&root.retiring) && safeguards.hold(Safeguard::DrainSight),
            _ => false,
        }
    }
}

/// The change that a sound root needs now. At most one: the next look sees what it has become.
#[must_use]
pub fn transition(root: &CaState, around: &RotationInputs) -> Option<Transition> {
    if let Some(transition) = riddance(root, &around.provided) {
        return Some(transition);
    }
    if is_replacement(root, &around.provided) {
        return Some(Transition::Replace);
    }
    if has_longer_leaves(root, around) {
        return Some(Transition::RaiseMaxLeafTtl);
    }
    match root.phase {
        Phase::Stable => cause(root, around).map(|cause| Transition::Announce(source(around), cause)),
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
fn riddance(root: &CaState, provided: &Provided) -> Option<Transition> {
    if let Some(next) = root.next.as_ref().filter(|next| next.distrusted.is_some()) {
        let is_generated = !next.is_provided && *provided == Provided::NotAsked;
        let another = Transition::Announce(Source::Generated, Cause::Distrust);
        return Some(if is_generated { another } else { Transition::Withdraw });
    }
    let gone = root.retiring.iter().filter(|former| former.distrusted.is_some());
    let gone: Vec<String> = gone.map(|former| former.fingerprint.clone()).collect();
    (!gone.is_empty()).then_some(Transition::Drop(gone))
}

/// What follows a root that has expired or is distrusted: nothing may be signed with it, so the next one signs at once.
#[must_use]
pub fn succession(root: &CaState, around: &RotationInputs) -> Option<Transition> {
    match &around.provided {
        Provided::Sound { anchors, .. } if *anchors == root.anchors && root.distrusted.is_none() => {
            Some(Transition::Replace)
        }
        _ if root.next.as_ref().is_some_and(|next| next.distrusted.is_none()) => {
            Some(Transition::Succeed(Source::Announced))
        }
        // What leads to the distrusted CA leads there below each of its roots.
        Provided::Sound { anchors, .. }
            if *anchors == root.anchors && root.distrusted != Some(Why::Named) =>
        {
            None
        }
        Provided::Sound { .. } => Some(Transition::Succeed(Source::Provided)),
        Provided::NotAsked => Some(Transition::Succeed(Source::Generated)),
        Provided::Missing(_) | Provided::Invalid(_) => None,
    }
}

const fn holds(around: &RotationInputs, safeguard: Safeguard) -> bool {
    around.rules.safeguards.hold(safeguard)
}

pub(super) fn has_distrusted(retiring: &[StoredRetiring]) -> bool {
    retiring.iter().any(|former| former.distrusted.is_some())
}

const fn source(around: &RotationInputs) -> Source {
    match around.provided {
        Provided::Sound { .. } => Source::Provided,
        _ => Source::Generated,
    }
}

/// Why another root than the signer is wanted, if one is.
pub(super) fn cause(root: &CaState, around: &RotationInputs) -> Option<Cause> {
    match &around.provided {
        Provided::Sound { fingerprint, .. } if *fingerprint != root.fingerprint => Some(Cause::Provision),
        // Nobody but people can make the successor of what they provide.
        Provided::Sound { .. } => None,
        Provided::NotAsked if root.is_provided => Some(Cause::Provision),
        Provided::Missing(_) | Provided::Invalid(_) if root.is_provided => None,
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
fn is_wanted(next: &super::decide::NextCa, around: &RotationInputs) -> bool {
    match &around.provided {
        Provided::Sound { fingerprint, .. } => *fingerprint == next.fingerprint,
        Provided::NotAsked => !next.is_provided,
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
        |former: &StoredRetiring| around.now >= former.until || !holds(around, Safeguard::DrainBound);
    let gone: Vec<String> = root
        .retiring
        .iter()
        .filter(|former| is_gone_by_sight && is_gone_by_bound(former))
        .map(|former| former.fingerprint.clone())
        .collect();
    (!gone.is_empty() || root.retiring.is_empty()).then_some(Transition::Drop(gone))
}
