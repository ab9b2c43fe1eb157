//! One change of a root Secret, as a value: its name, the phase that it leads to, and whether it rests on the index.

use super::ca_state::CaState;
use super::origin::Origin;
use super::retiring_root::RetiringRoot;
use super::safeguards::{Safeguard, Safeguards};
use crate::api::authority::Phase;

/// The root that takes the place of a signer at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextRoot {
    /// The one that was announced before.
    Existing,
    /// Another one, of this origin.
    New(Origin),
}

/// Why a root is announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The signer is due for renewal.
    Due,
    /// The annotation `rotate` requests it.
    Requested,
    /// Another CA is provided, or none any more.
    Provision,
    /// The root that was announced is distrusted.
    Distrust,
}

/// One change of the root Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transition {
    /// A next root is stored beside the signer, and trusted.
    Announce(Origin, Cause),
    /// The next root is no longer wanted: nothing was signed with it.
    Withdraw,
    /// The next root signs, and the former one is only trusted.
    Switch {
        /// Whether a Secret, trust bundle or endpoint may still be without it.
        is_forced: bool,
    },
    /// Another root signs at once, because the signer has expired or is distrusted.
    Succeed(NextRoot),
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

    /// Whether it rests on the index, so that a fresh list must confirm it.
    #[must_use]
    pub fn rests_on_distribution(&self, root: &CaState, safeguards: Safeguards) -> bool {
        match self {
            Self::Switch { is_forced } => !*is_forced && safeguards.hold(Safeguard::Gate),
            Self::Drop(_) => !has_distrusted(&root.retiring) && safeguards.hold(Safeguard::DrainSight),
            _ => false,
        }
    }
}

/// Whether one of these roots is distrusted.
#[must_use]
pub fn has_distrusted(retiring: &[RetiringRoot]) -> bool {
    retiring.iter().any(|former| former.distrusted.is_some())
}
