//! The decisions of the operator, asked in terms of the model: on identities, on the root and its rotation, and on which
//! Secrets are behind. Nothing is decided here. Answers are remembered, since each depends on the question alone.

mod authority;
mod identity;
mod memo;

pub use authority::{Question, Verdict, dropped, makes_root, subject};
pub use identity::Need;

use identity::NeedKey;
use memo::Memo;
use mtls_operator::api::{MtlsAuthority, MtlsAuthoritySpec};
use mtls_operator::plan::authority::rotation_inputs::RotationRules;
use mtls_operator::plan::authority::safeguards::Safeguards;
use mtls_operator::plan::authority::spec::AuthoritySpec;
use mtls_operator::plan::identity::policy::{Entitlement, authorize};
use mtls_operator::plan::identity::profile::{AuthoritySpecHash, IdentitySpecHash, ProfileHash};
use mtls_operator::plan::identity::spec::IdentitySpec;
use mtls_operator::plan::selector::Labels;

use crate::ca::Ca;
use crate::evidence::Gathered;
use crate::mutation::Mutations;
use crate::pki::Pki;
use crate::scope::Scope;
use crate::state::Secret;
use crate::time::{PROPAGATION, Ticks, span};

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

    /// The safeguards that hold.
    #[must_use]
    pub const fn safeguards(&self) -> Safeguards {
        self.rules.safeguards
    }
}
