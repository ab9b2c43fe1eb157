//! How long the steps of a rotation take: until when a former root must stay trusted, and when Secrets follow a change.

use jiff::{SignedDuration, Timestamp};

use super::root::StoredRoot;
use super::rotation::Rules;
use super::safeguards::Safeguard;
use super::spread::Step;

/// Until when a root that signs no more must stay trusted: the end of the last leaf that any replica can have signed
/// with it. F is how old a replica's view of the root may be, W how long a write may live, S the skew of clocks.
#[must_use]
pub fn drain_bound(root: &StoredRoot, now: Timestamp, rules: &Rules) -> Timestamp {
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
    Timestamp::from_second(bound.as_second()).unwrap_or(bound).min(end)
}

/// The step that a transition begins: when each Secret follows. Never longer than a quarter of what is left of the
/// former root.
#[must_use]
pub fn step(rules: &Rules, former_end: Timestamp, now: Timestamp) -> Step {
    let rest = former_end.duration_since(now).max(SignedDuration::ZERO);
    let span = rules.spread_over.min(rest / 4);
    Step { began: now, ends: now.checked_add(span).unwrap_or(now) }
}
