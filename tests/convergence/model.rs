//! One identity, its authority and its Secret, on which plans are carried out as the operator would.

use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};
use mtls_operator::api::{MtlsAuthority, MtlsAuthoritySpec};
use mtls_operator::pki::Validity;
use mtls_operator::plan::authority::spec::AuthoritySpec;
use mtls_operator::plan::identity::decide::{Decision, IssueReason, Plan, decide};
use mtls_operator::plan::identity::policy::authorize;
use mtls_operator::plan::identity::profile::{AuthoritySpecHash, IdentitySpecHash, ProfileHash};
use mtls_operator::plan::identity::spec::IdentitySpec;
use mtls_operator::plan::identity::world::{
    Authorization, Before, NotReady, OwnedSecret, Rollout, SecretState, Signer, StoredLeaf, World,
};
use mtls_operator::plan::selector::Labels;

/// Noon of a day in 2026; nothing here looks at a clock.
pub const NOW: Timestamp = Timestamp::constant(1_780_000_000, 0);
pub const SECOND: SignedDuration = SignedDuration::from_secs(1);
pub const DAY: SignedDuration = SignedDuration::from_hours(24);
pub const YEAR: SignedDuration = SignedDuration::from_hours(24 * 365);

/// A world that plans change.
#[derive(Clone, Debug)]
pub struct Model {
    pub asked: IdentitySpec,
    pub terms: Option<AuthoritySpec>,
    pub signer: Option<Signer>,
    pub secret: SecretState,
    pub stalls_at: Timestamp,
    pub issued: u32,
    writes: u32,
}

impl Model {
    pub fn new(asked: IdentitySpec, terms: AuthoritySpec) -> Self {
        let window = Validity { not_before: NOW - DAY, not_after: NOW + YEAR };
        let (key_id, trust, rotation) = ("a1".into(), "t1".into(), Rollout::default());
        let signer = Signer { key_id, window, trust, rotation, halted: None };
        Self {
            asked,
            terms: Some(terms),
            signer: Some(signer),
            secret: SecretState::Absent,
            stalls_at: Timestamp::MAX,
            issued: 0,
            writes: 0,
        }
    }

    pub fn decide(&self, now: Timestamp) -> Decision {
        let world = World {
            spec: &self.asked,
            authorization: self.terms.as_ref().map(|terms| Authorization {
                entitlement: authorize(&self.asked, terms, &Labels::new()),
                retained: None,
                profile: self.profile(terms),
            }),
            signer: self.signer_at(now).ok_or_else(|| NotReady("no signer".into())),
            secret: self.secret.clone(),
            before: Before { was_issued: self.issued > 0, ..Before::default() },
            stalls_at: self.stalls_at,
        };
        decide(&world, now)
    }

    /// Carries out what is decided now, and says what it was.
    pub fn step(&mut self, now: Timestamp) -> Plan {
        let plan = self.decide(now).plan;
        match &plan {
            Plan::Keep => {}
            Plan::Issue { over, .. } => {
                assert_eq!(*over, self.version(), "another version is overwritten than was seen");
                self.secret = SecretState::Held(self.issue(now));
            }
            Plan::Refresh { over } => {
                assert_eq!(Some(over), self.version().as_ref());
                self.refresh(now);
            }
        }
        plan
    }

    /// The leaf, which must be there.
    pub fn leaf(&self) -> &StoredLeaf {
        match &self.secret {
            SecretState::Held(OwnedSecret { leaf: Ok(leaf), .. }) => leaf,
            other => panic!("no leaf in {other:?}"),
        }
    }

    /// A signer that has expired signs no more, and one that is not yet valid nothing yet.
    fn signer_at(&self, now: Timestamp) -> Option<Signer> {
        let is_off = |window: Validity| window.is_expired_at(now) || window.is_not_yet_valid_at(now);
        self.signer.clone().filter(|signer| !is_off(signer.window))
    }

    fn version(&self) -> Option<String> {
        match &self.secret {
            SecretState::Held(held) => Some(held.version.clone()),
            _ => None,
        }
    }

    fn profile(&self, terms: &AuthoritySpec) -> ProfileHash {
        ProfileHash::of(IdentitySpecHash::of(&self.asked), AuthoritySpecHash::of(terms))
    }

    fn issue(&mut self, now: Timestamp) -> OwnedSecret {
        let (terms, signer) = (self.terms.as_ref().unwrap(), self.signer_at(now).unwrap());
        let entitlement = authorize(&self.asked, terms, &Labels::new()).unwrap();
        let profile = self.profile(terms);
        let window = Validity::leaf(now, entitlement.ttl, signer.window);
        assert!(signer.window.contains(&window), "a leaf reaches outside its signer");
        self.issued += 1;
        self.writes += 1;
        let serial = format!("{:x}", self.issued);
        OwnedSecret {
            version: format!("w{}", self.writes),
            carries_uid: true,
            leaf: Ok(StoredLeaf { serial, window, key_id: signer.key_id, issued_at: now }),
            profile: Some(profile),
            matches_profile: true,
            trust: Some(signer.trust),
            metadata_is_current: true,
            renew_request: self.asked.renew_request.clone(),
        }
    }

    fn refresh(&mut self, now: Timestamp) {
        let trust = self.signer_at(now).map(|signer| signer.trust);
        self.writes += 1;
        if let SecretState::Held(held) = &mut self.secret {
            held.version = format!("w{}", self.writes);
            held.trust = trust.or_else(|| held.trust.clone());
            held.metadata_is_current = true;
        }
    }
}

/// Why a plan issues, if it does.
pub fn because(plan: &Plan) -> Option<IssueReason> {
    match plan {
        Plan::Issue { because, .. } => Some(*because),
        _ => None,
    }
}

pub fn asked() -> IdentitySpec {
    IdentitySpec {
        name: "web".into(),
        uid: "uid-1".into(),
        authority: "mesh".into(),
        service_account: "web".into(),
        services: vec!["web".into()],
        ..IdentitySpec::default_in("orders")
    }
}

pub fn terms() -> AuthoritySpec {
    static TERMS: LazyLock<AuthoritySpec> = LazyLock::new(|| {
        AuthoritySpec::parse(&MtlsAuthority::new("mesh", MtlsAuthoritySpec::default())).unwrap()
    });
    TERMS.clone()
}
