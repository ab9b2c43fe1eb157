//! What a root Secret needs, and what a plan for it makes and drops.

use mtls_operator::api::authority::Phase;
use mtls_operator::plan::authority::ca_state::{Provided, RootSecret};
use mtls_operator::plan::authority::decide::decide;
use mtls_operator::plan::authority::decision::RootPlan;
use mtls_operator::plan::authority::evidence::Evidence;
use mtls_operator::plan::authority::origin::Origin;
use mtls_operator::plan::authority::quiet_period::Distribution;
use mtls_operator::plan::authority::rotation_inputs::{RotationInputs, RotationRules};
use mtls_operator::plan::authority::timing::{drain_bound, step};
use mtls_operator::plan::authority::transition::{NextRoot, Transition};
use mtls_operator::plan::authority::world::{LossAcceptance, RootWorld};
use mtls_operator::plan::unread_spec::Unread;

use super::Decisions;
use crate::ca::Ca;
use crate::facts;
use crate::pki::{Pki, RootId, Roots};
use crate::state::Subject;
use crate::time::{Ticks, at, span, ticks};

/// What a replica observes when it reconciles an authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    /// The root Secret.
    pub ca: Option<Ca>,
    /// Ends and origins of roots.
    pub pki: Pki,
    /// For how long no Secret was seen behind.
    pub quiet: Option<Ticks>,
    /// The CA that people provide.
    pub provided: Option<RootId>,
    /// What is distrusted.
    pub distrusted: Roots,
    /// How often people have asked.
    pub asked: u8,
    /// The longest lifetime of leaves that people want.
    pub longest: Ticks,
    /// Whether something shows that a root is lost.
    pub has_evidence: bool,
    /// Its clock.
    pub now: Ticks,
}

/// What follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What to do to the root Secret.
    pub plan: RootPlan,
    /// Whether it may sign.
    pub signs: bool,
}

/// The next root of a plan, where it makes one, and whether it comes at once.
#[must_use]
pub fn makes_root(plan: &RootPlan) -> bool {
    match plan {
        RootPlan::Generate => true,
        RootPlan::Change(Transition::Announce(origin, _) | Transition::Succeed(NextRoot::New(origin))) => {
            *origin == Origin::Generated
        }
        _ => false,
    }
}

/// What a plan drops.
#[must_use]
pub fn dropped(gone: &[String]) -> Roots {
    Roots::of(gone.iter().filter_map(|root| root.strip_prefix("root-")?.parse().ok()))
}

/// The state of the roots that an observation speaks of, while there is a rotation.
#[must_use]
pub fn subject(ca: &Ca, pki: &Pki) -> Option<Subject> {
    let is_rotating = ca.phase != Phase::Stable && pki.end(ca.signer) >= 0;
    is_rotating.then(|| (ca.phase, ca.trust(), ca.signer))
}

impl Decisions {
    /// What the root needs.
    #[must_use]
    pub fn verdict(&self, question: &Question) -> Verdict {
        self.verdicts.recall(question, || {
            let quiet_for = question.quiet.map(span);
            let world = RootWorld {
                secret_name: "root".into(),
                secret: match &question.ca {
                    None => RootSecret::Absent,
                    Some(ca) if question.pki.end(ca.signer) < question.now => {
                        RootSecret::Expired(facts::stored(ca, &question.pki))
                    }
                    Some(ca) => RootSecret::Sound(facts::stored(ca, &question.pki)),
                },
                inputs: RotationInputs {
                    now: at(question.now),
                    rules: RotationRules { max_leaf_ttl: span(question.longest), ..self.rules },
                    provided: provided(question),
                    request: (question.asked > 0).then(|| question.asked.to_string()),
                    distribution: Distribution { quiet_for },
                },
                evidence: question.has_evidence.then(|| Evidence::proven("it is lost".into())),
                acceptance: LossAcceptance::NotAsked,
                unread: Unread::default(),
                clock: None,
            };
            let decision = decide(&world);
            Verdict { plan: decision.plan, signs: decision.signs }
        })
    }

    /// Whether the transition needs a fresh observation before it is made.
    #[must_use]
    pub fn rests_on_distribution(&self, transition: &Transition, ca: &Ca, pki: &Pki) -> bool {
        transition.rests_on_distribution(&facts::stored(ca, pki), self.rules.safeguards)
    }

    /// Until when a signer that is replaced now stays trusted.
    #[must_use]
    pub fn drain_bound(&self, ca: &Ca, pki: &Pki, now: Ticks) -> Ticks {
        ticks(drain_bound(&facts::stored(ca, pki), at(now), &self.rules))
    }

    /// When the last Secret follows a change that is made now.
    #[must_use]
    pub fn step_end(&self, former_end: Ticks, now: Ticks) -> Ticks {
        ticks(step(&self.rules, at(former_end), at(now)).ends)
    }
}

/// What people provide, as `operator::provision` finds it.
fn provided(question: &Question) -> Provided {
    let Some(root) = question.provided else { return Provided::NotAsked };
    if question.distrusted.contain(root) {
        return Provided::Invalid("it is distrusted".into());
    }
    Provided::Sound { fingerprint: facts::fingerprint(root), anchors: facts::fingerprint(root) }
}
