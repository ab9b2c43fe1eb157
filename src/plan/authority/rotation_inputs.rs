//! What a rotation depends on besides the root Secret.

use jiff::{SignedDuration, Timestamp};

use super::ca_state::Provided;
use super::quiet_period::Distribution;
use super::safeguards::Safeguards;

/// What a rotation depends on besides the root Secret.
#[derive(Clone, Debug)]
pub struct RotationInputs {
    /// This moment.
    pub now: Timestamp,
    /// What it goes by.
    pub rules: RotationRules,
    /// The CA that people provide.
    pub provided: Provided,
    /// Value of the annotation `rotate`.
    pub request: Option<String>,
    /// What was seen of the distribution.
    pub distribution: Distribution,
}

/// What a rotation goes by: durations of the authority's spec, and the safeguards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RotationRules {
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
