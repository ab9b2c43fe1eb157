//! How long the steps of a rotation take: until when a former root must stay trusted, and when Secrets follow a change.

use jiff::{SignedDuration, Timestamp};

use super::decide::CaState;
use super::rotation::Rules;
use super::safeguards::Safeguard;
use crate::pki::whole_second;
use crate::plan::spread::RolloutWindow;

/// Until when a root that signs no more must stay trusted: the end of the last leaf that any replica can have signed
/// with it. F is how old a replica's view of the root may be, W how long a write may live, S the skew of clocks.
#[must_use]
pub fn drain_bound(root: &CaState, now: Timestamp, rules: &Rules) -> Timestamp {
    let [freshness, write, skew] = [60, 30, 300].map(SignedDuration::from_secs);
    let third = rules.propagation / 3;
    let late = freshness.min(third) + write.min(third);
    let late = if rules.safeguards.hold(Safeguard::LateLeaves) { late } else { SignedDuration::ZERO };
    let span = SignedDuration::from_secs(root.max_leaf_ttl) + late + skew.min(rules.propagation);
    // Stored in whole seconds: rounded up, lest the last leaf outlive its root's trust. No leaf lives longer than its
    // signer, whose last second is part of its life.
    let second = SignedDuration::from_secs(1);
    let bound = now.checked_add(span + second).unwrap_or(Timestamp::MAX);
    let end = root.window.not_after.checked_add(second).unwrap_or(Timestamp::MAX);
    whole_second(bound).min(end)
}

/// The step that a transition begins: when each Secret follows. Never longer than a quarter of what is left of the
/// former root.
#[must_use]
pub fn step(rules: &Rules, former_end: Timestamp, now: Timestamp) -> RolloutWindow {
    let rest = former_end.duration_since(now).max(SignedDuration::ZERO);
    let span = rules.spread_over.min(rest / 4);
    RolloutWindow { began: now, ends: now.checked_add(span).unwrap_or(now) }
}

/// When the switch happens in any case, so that no single Secret can hold the mesh hostage. With a cross-certificate that is
/// F₀: a consumer that is behind is led to the next root until the former one ends. Without one it is F₁, the middle between
/// F₀ and that end: a consumer that is behind is refused from then on, so it is given longer.
#[must_use]
pub fn forced_at(root: &CaState, propagation: SignedDuration) -> Timestamp {
    let early = before_leaves_are_cut_short(root, propagation);
    let is_certified = root.next.as_ref().is_some_and(|next| next.is_certified);
    if is_certified { early } else { middle(early, root.window.not_after) }
}

/// F₀: early enough that leaves of the former root live their whole life, but never before the middle of what was left
/// when the next root was announced.
fn before_leaves_are_cut_short(root: &CaState, propagation: SignedDuration) -> Timestamp {
    let end = root.window.not_after;
    let leaves = SignedDuration::from_secs(root.max_leaf_ttl);
    let early = end.checked_sub(leaves + propagation).unwrap_or(Timestamp::MIN);
    early.max(middle(root.since, end))
}

fn middle(begin: Timestamp, end: Timestamp) -> Timestamp {
    begin.checked_add(end.duration_since(begin) / 2).unwrap_or(end)
}
