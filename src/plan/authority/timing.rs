//! How long things take in the protocol: F, W and S, on which I2 and I9 rest, and the moments of a rotation that follow
//! from them. All are defined in docs/development.md.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::ca_state::CaState;
use super::rotation_inputs::RotationRules;
use super::safeguards::Safeguard;
use crate::pki::whole_second;
use crate::plan::spread::RolloutWindow;

/// F is never longer (I9): as old a view of the root Secret may be.
const MAX_FRESHNESS: Duration = Duration::from_mins(1);
/// W is never longer (I9): as long any write to the API server may take.
pub const MAX_WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// S is never longer: by as much clocks may differ.
const MAX_SKEW: Duration = Duration::from_mins(5);
/// What is stored in whole seconds is rounded up, so that no leaf outlives the trust in its root.
const SECOND: SignedDuration = SignedDuration::from_secs(1);

/// The durations F, W and S of an authority.
///
/// # Guarantees
/// No leaf of a former root appears later than F + W after the switch, whatever the leases say: a replica signs only with a
/// root Secret that it has read or confirmed within F (`operator::freshness`), and its write lives for W at most (the writes
/// of `operator::identity` and `operator::trust_bundle`). [`drain_bound`] covers both, and S.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// F = min(60 s, propagation/3): how old a replica's view of the root Secret may be when it signs.
    pub freshness: Duration,
    /// W = min(30 s, propagation/3): how long a write that carries a leaf or a trust bundle may live.
    pub write_timeout: Duration,
    /// S = min(5 min, propagation): by how much clocks may differ.
    pub skew: Duration,
}

impl Timing {
    /// Those of an authority with this `rotation.propagation`.
    #[must_use]
    pub fn of(propagation: SignedDuration) -> Self {
        let propagation = propagation.unsigned_abs();
        Self {
            freshness: MAX_FRESHNESS.min(propagation / 3),
            write_timeout: MAX_WRITE_TIMEOUT.min(propagation / 3),
            skew: MAX_SKEW.min(propagation),
        }
    }

    /// The last moment at which a leaf can be valid that ends at `end` by the clock of its signer.
    #[must_use]
    pub fn skewed(self, end: Timestamp) -> Timestamp {
        whole_second(
            end.checked_add(self.skew).and_then(|end| end.checked_add(SECOND)).unwrap_or(Timestamp::MAX),
        )
    }
}

/// Until when a root that signs no more must stay trusted: the end of the last leaf that any replica can have signed
/// with it (I2).
#[must_use]
pub fn drain_bound(root: &CaState, now: Timestamp, rules: &RotationRules) -> Timestamp {
    let timing = Timing::of(rules.propagation);
    let late = timing.freshness + timing.write_timeout;
    let late = if rules.safeguards.hold(Safeguard::LateLeaves) { late } else { Duration::ZERO };
    let lifetime = SignedDuration::from_secs(root.max_leaf_ttl);
    let last = now.checked_add(lifetime).and_then(|end| end.checked_add(late)).unwrap_or(Timestamp::MAX);
    // No leaf lives longer than its signer, whose last second is part of its life.
    let end = root.window.not_after.checked_add(SECOND).unwrap_or(Timestamp::MAX);
    timing.skewed(last).min(end)
}

/// The step that a transition begins: when each Secret follows. Never longer than a quarter of what is left of the
/// former root.
#[must_use]
pub fn step(rules: &RotationRules, former_end: Timestamp, now: Timestamp) -> RolloutWindow {
    let rest = former_end.duration_since(now).max(SignedDuration::ZERO);
    let span = rules.spread_over.min(rest / 4);
    RolloutWindow { began: now, ends: now.checked_add(span).unwrap_or(now) }
}

/// When the switch happens in any case, so that no single Secret can delay it for ever. With a cross-certificate that is
/// F₀: a consumer that is behind is led to the next root until the former one ends. Without one it is F₁, the middle between
/// F₀ and that end: a consumer that is behind is refused from then on, so it is given longer.
#[must_use]
pub fn forced_at(root: &CaState, propagation: SignedDuration) -> Timestamp {
    let early = before_leaves_are_shortened(root, propagation);
    let is_certified = root.next.as_ref().is_some_and(|next| next.is_certified);
    if is_certified { early } else { middle(early, root.window.not_after) }
}

/// F₀: early enough that leaves of the former root get their full lifetime, but never before the middle of what was left
/// when the next root was announced.
fn before_leaves_are_shortened(root: &CaState, propagation: SignedDuration) -> Timestamp {
    let end = root.window.not_after;
    let leaves = SignedDuration::from_secs(root.max_leaf_ttl);
    let early = end.checked_sub(leaves + propagation).unwrap_or(Timestamp::MIN);
    early.max(middle(root.since, end))
}

fn middle(begin: Timestamp, end: Timestamp) -> Timestamp {
    begin.checked_add(end.duration_since(begin) / 2).unwrap_or(end)
}
