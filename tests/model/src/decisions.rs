//! The decisions of the operator, asked in terms of the model: on identities, on the root and its rotation, and on which
//! Secrets are behind. Nothing is decided here. Answers are remembered, since each depends on the question alone.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::Hash;

use jiff::Timestamp;
use mtls_operator::api::authority::Phase;
use mtls_operator::api::{MtlsAuthority, MtlsAuthoritySpec};
use mtls_operator::operator::index::digest::digest;
use mtls_operator::operator::index::issuer::{IssuerEntry, RetiringEntry, lags};
use mtls_operator::operator::index::leaf_secret::SecretEntry;
use mtls_operator::operator::index::time::Second;
use mtls_operator::pki::Validity;
use mtls_operator::plan::authority::ca_state::{Provided, RootSecret};
use mtls_operator::plan::authority::decision::RootPlan;
use mtls_operator::plan::authority::evidence::Evidence;
use mtls_operator::plan::authority::origin::Origin;
use mtls_operator::plan::authority::quiet_period::Distribution;
use mtls_operator::plan::authority::rotation_inputs::{RotationInputs, RotationRules};
use mtls_operator::plan::authority::safeguards::Safeguards;
use mtls_operator::plan::authority::spec::AuthoritySpec;
use mtls_operator::plan::authority::timing::{drain_bound, step};
use mtls_operator::plan::authority::transition::{NextRoot, Transition};
use mtls_operator::plan::authority::world::{LossAcceptance, RootWorld};
use mtls_operator::plan::identity::decide::{Plan, decide};
use mtls_operator::plan::identity::policy::{Entitlement, authorize};
use mtls_operator::plan::identity::profile::{AuthoritySpecHash, IdentitySpecHash, ProfileHash};
use mtls_operator::plan::identity::spec::IdentitySpec;
use mtls_operator::plan::identity::world::{
    Authorization, Before, LeafDefect, NotReady, OwnedSecret, SecretState, StoredLeaf, World,
};
use mtls_operator::plan::selector::Labels;
use mtls_operator::plan::unread_spec::Unread;

use crate::ca::Ca;
use crate::evidence::Gathered;
use crate::facts::{self, key_id, trust};
use crate::fingerprint::Fast;
use crate::mutation::{Mutation, Mutations};
use crate::pki::{Pki, RootId, Roots};
use crate::scope::Scope;
use crate::state::{Leaf, Secret};
use crate::time::{PROPAGATION, Ticks, at, span, ticks};

/// What an identity needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing.
    Nothing,
    /// A new leaf.
    Leaf,
    /// The bundle in force.
    Bundle,
}

/// What a replica sees when it looks at an authority.
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

/// What is asked of an identity: by whom and of what, whether it is paused, and when.
type NeedKey = (Option<Ca>, Pki, Option<Secret>, bool, Ticks);

/// The decisions of the operator.
pub struct Decisions {
    rules: RotationRules,
    asked: [IdentitySpec; 2],
    entitlement: Entitlement,
    profile: ProfileHash,
    needs: Memo<NeedKey, (Need, bool)>,
    verdicts: Memo<Question, Verdict>,
    behind: Memo<(Ca, Pki, Secret, Ticks), bool>,
    evidence: Memo<Gathered, bool>,
    mutations: Mutations,
}

struct Memo<K, V>(RefCell<HashMap<K, V, Fast>>);

impl<K: Eq + Hash + Clone, V: Clone> Memo<K, V> {
    fn new() -> Self {
        Self(RefCell::new(HashMap::default()))
    }

    fn recall(&self, key: &K, answer: impl FnOnce() -> V) -> V {
        if let Some(known) = self.0.borrow().get(key) {
            return known.clone();
        }
        let answer = answer();
        self.0.borrow_mut().insert(key.clone(), answer.clone());
        answer
    }
}

impl Decisions {
    /// Whether this shows that a root is lost.
    #[must_use]
    pub fn has_evidence(&self, gathered: Gathered) -> bool {
        self.evidence.recall(&gathered, || gathered.is_evidence())
    }

    /// Of an authority of this scope.
    ///
    /// # Panics
    /// If the operator refuses an authority and an identity without any setting.
    #[must_use]
    pub fn new(scope: &Scope) -> Self {
        let terms = AuthoritySpec::parse(&MtlsAuthority::new("mesh", MtlsAuthoritySpec::default())).unwrap();
        let plain = IdentitySpec {
            uid: "uid".into(),
            authority: "mesh".into(),
            ..IdentitySpec::default_in("orders")
        };
        let paused = IdentitySpec { paused: true, ..plain.clone() };
        let rules = RotationRules {
            propagation: span(PROPAGATION),
            spread_over: span(scope.spread),
            renew_before: span(scope.margin),
            max_leaf_ttl: span(scope.leaf),
            safeguards: scope.safeguards,
        };
        Self {
            rules,
            entitlement: authorize(&plain, &terms, &Labels::new()).unwrap(),
            profile: ProfileHash::of(IdentitySpecHash::of(&plain), AuthoritySpecHash::of(&terms)),
            asked: [plain, paused],
            needs: Memo::new(),
            verdicts: Memo::new(),
            behind: Memo::new(),
            evidence: Memo::new(),
            mutations: scope.mutations,
        }
    }

    /// What an identity needs of a replica with this view of the root and this clock, and whether it is `Ready`. Without
    /// a view no replica signs.
    #[must_use]
    pub fn need(
        &self,
        ca: Option<&Ca>,
        pki: &Pki,
        secret: Option<Secret>,
        is_paused: bool,
        now: Ticks,
    ) -> (Need, bool) {
        self.needs.recall(&(ca.copied(), *pki, secret, is_paused, now), || {
            let not_ready = || NotReady("it does not sign".into());
            let held = |secret: Secret| self.held(secret, pki, ca.map_or(secret.bundle, Ca::trust));
            let world = World {
                spec: &self.asked[usize::from(is_paused)],
                authorization: Some(Authorization {
                    entitlement: Ok(self.entitlement.clone()),
                    retained: None,
                    profile: self.profile,
                }),
                signer: ca.map(|ca| facts::signer(ca, pki)).ok_or_else(not_ready),
                secret: secret.map_or(SecretState::Absent, held),
                before: Before { was_issued: true, ..Before::default() },
                stalls_at: Timestamp::MAX,
            };
            let decision = decide(&world, at(now));
            let need = match decision.plan {
                Plan::Keep => Need::Nothing,
                Plan::Issue { .. } => Need::Leaf,
                Plan::Refresh { .. } => Need::Bundle,
            };
            (need, decision.standing.ready)
        })
    }

    /// A Secret whose leaf was verified against a bundle, at a moment when it was valid.
    fn held(&self, secret: Secret, pki: &Pki, bundle: Roots) -> SecretState {
        let leaf = &secret.leaf;
        let is_trusted = leaf.end < 0 || pki.accept(bundle, leaf.chain);
        SecretState::Held(OwnedSecret {
            version: "1".into(),
            carries_uid: true,
            leaf: is_trusted.then(|| held_leaf(*leaf)).ok_or(LeafDefect::Untrusted),
            profile: Some(self.profile),
            matches_profile: true,
            trust: Some(trust(secret.bundle)),
            metadata_is_current: true,
            renew_request: None,
        })
    }

    /// When a leaf ends that a replica with this clock signs.
    #[must_use]
    pub fn leaf_end(pki: &Pki, signer: RootId, lifetime: Ticks, now: Ticks) -> Ticks {
        ticks(Validity::leaf(at(now), span(lifetime), facts::window(pki, signer)).not_after)
    }

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
            let decision = mtls_operator::plan::authority::decide::decide(&world);
            Verdict { plan: decision.plan, signs: decision.signs }
        })
    }

    /// Whether the transition needs a fresh look before it is made.
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

    /// The safeguards that hold.
    #[must_use]
    pub const fn safeguards(&self) -> Safeguards {
        self.rules.safeguards
    }

    /// Whether a Secret is behind a root.
    #[must_use]
    pub fn is_behind(&self, ca: &Ca, pki: &Pki, secret: Secret, now: Ticks) -> bool {
        self.behind.recall(&(*ca, *pki, secret, now), || {
            let is_ageless = self.mutations.has(Mutation::ExpiredLeavesBlock);
            let seen = SecretEntry {
                namespace: "orders".into(),
                name: "web".into(),
                uid: digest("secret"),
                version: 1,
                identity_uid: Some(digest("uid")),
                identity: Some(digest("web")),
                authority: Some(digest("mesh")),
                profile: Some(self.profile),
                trust: Some(digest(&trust(secret.bundle))),
                key_id: Some(digest(&key_id(secret.leaf.chain.signer))),
                not_after: Second::new(at(secret.leaf.end).as_second()).filter(|_| !is_ageless),
                issued_at: Second::new(at(secret.leaf.issued).as_second()),
            };
            let mut signer = IssuerEntry::from(&facts::signer(ca, pki));
            if is_ageless {
                let ageless = |former: &RetiringEntry| RetiringEntry { until: Timestamp::MAX, ..*former };
                signer.rotation.retiring = signer.rotation.retiring.iter().map(ageless).collect();
            }
            signer.rotation.is_announced |= self.mutations.has(Mutation::MissingTrustBlocks);
            lags(&seen, &signer, at(now).as_second())
        })
    }
}

fn held_leaf(leaf: Leaf) -> StoredLeaf {
    StoredLeaf {
        serial: "1".into(),
        window: Validity { not_before: at(leaf.issued), not_after: at(leaf.end) },
        key_id: key_id(leaf.chain.signer),
        issued_at: at(leaf.issued),
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
pub fn subject(ca: &Ca, pki: &Pki) -> Option<crate::state::Subject> {
    let is_rotating = ca.phase != Phase::Stable && pki.end(ca.signer) >= 0;
    is_rotating.then(|| (ca.phase, ca.trust(), ca.signer))
}
