//! Laws of the decision on a root Secret: a root is made once and never replaced silently. Here: worlds, and what a test
//! reads from a decision.

mod loss;
mod provided;
mod states;
mod warnings;

use mtls_operator::api::authority::Phase;
use mtls_operator::pki::Validity;
use mtls_operator::plan::authority::ca_state::{CaState, Provided, RootSecret};
use mtls_operator::plan::authority::decision::{RootDecision, RootPlan};
use mtls_operator::plan::authority::evidence::Evidence;
use mtls_operator::plan::authority::origin::Origin;
use mtls_operator::plan::authority::quiet_period::Distribution;
use mtls_operator::plan::authority::reason::AuthorityReason;
use mtls_operator::plan::authority::rotation_inputs::{RotationInputs, RotationRules};
use mtls_operator::plan::authority::safeguards::Safeguards;
use mtls_operator::plan::authority::transition::Transition;
use mtls_operator::plan::authority::world::{LossAcceptance, RootWorld};
use mtls_operator::plan::unread_spec::Unread;

use super::fixture::{DAY, MINUTE, NOW};

pub fn sound() -> CaState {
    CaState {
        fingerprint: "f1".repeat(32),
        anchors: "anchors-1".into(),
        window: Validity { not_before: NOW - DAY, not_after: NOW + DAY * 365 },
        origin: Origin::Generated,
        distrusted: None,
        accepted_intermediate: None,
        is_certified: false,
        max_leaf_ttl: 600,
        phase: Phase::Stable,
        since: NOW - DAY,
        next: None,
        retiring: Vec::new(),
        rotate_request: None,
        has_evidence_key: true,
    }
}

/// Evidence of a loss.
pub fn a_leaf() -> Evidence {
    Evidence::proven("a leaf exists".into())
}

pub fn world(secret: RootSecret, provided: Provided) -> RootWorld {
    RootWorld {
        secret_name: "mtls-system/mtls-authority-mesh".into(),
        secret,
        inputs: inputs(provided),
        evidence: None,
        acceptance: LossAcceptance::NotAsked,
        unread: Unread::default(),
        clock: None,
    }
}

pub fn inputs(provided: Provided) -> RotationInputs {
    let rules = RotationRules {
        propagation: MINUTE,
        spread_over: DAY,
        renew_before: DAY * 100,
        max_leaf_ttl: MINUTE * 10,
        safeguards: Safeguards::ALL,
    };
    RotationInputs { now: NOW, rules, provided, request: None, distribution: Distribution::default() }
}

pub fn change(transition: Transition) -> RootPlan {
    RootPlan::Change(transition)
}

pub fn provided(fingerprint: &str, anchors: &str) -> Provided {
    Provided::Sound { fingerprint: fingerprint.repeat(32), anchors: anchors.into() }
}

/// Every state of what people provide.
pub fn every_provision() -> [Provided; 5] {
    [
        Provided::NotAsked,
        Provided::Missing("missing".into()),
        Provided::Invalid("invalid".into()),
        provided("f1", "anchors-1"),
        provided("f2", "anchors-2"),
    ]
}

/// Every state of the root Secret.
pub fn every_secret() -> [RootSecret; 7] {
    [
        RootSecret::Absent,
        RootSecret::NotOurs("not ours".into()),
        RootSecret::OtherTrustDomain("other domain".into()),
        RootSecret::Invalid("invalid".into()),
        RootSecret::Expired(sound()),
        RootSecret::Sound(sound()),
        RootSecret::Sound(CaState { origin: Origin::Provided, max_leaf_ttl: 1, ..sound() }),
    ]
}

/// Plan, whether it signs, whether a person must act, and why.
fn summary(decision: &RootDecision) -> (RootPlan, bool, bool, AuthorityReason) {
    (decision.plan.clone(), decision.signs, decision.stalled, decision.reason)
}

fn keep(signs: bool, stalled: bool, reason: AuthorityReason) -> (RootPlan, bool, bool, AuthorityReason) {
    (RootPlan::Keep, signs, stalled, reason)
}
