//! One identity, its authority and its Secret, on which plans are carried out as the operator would.

use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};
use mtls_operator::api::{MtlsAuthority, MtlsAuthoritySpec};
use mtls_operator::pki::Window;
use mtls_operator::plan::asked::Asked;
use mtls_operator::plan::decide::{Because, Decision, Plan, decide};
use mtls_operator::plan::policy::judge;
use mtls_operator::plan::profile::{AskedHash, ProfileHash, TermsHash};
use mtls_operator::plan::selector::Labels;
use mtls_operator::plan::terms::Terms;
use mtls_operator::plan::world::{
    Allowed, Before, Held, HeldLeaf, NotReady, Observed, Rotating, Signer, World,
};

/// Noon of a day in 2026; nothing here looks at a clock.
pub const NOW: Timestamp = Timestamp::constant(1_780_000_000, 0);
pub const SECOND: SignedDuration = SignedDuration::from_secs(1);
pub const DAY: SignedDuration = SignedDuration::from_hours(24);
pub const YEAR: SignedDuration = SignedDuration::from_hours(24 * 365);

/// A world that plans change.
#[derive(Clone, Debug)]
pub struct Model {
    pub asked: Asked,
    pub terms: Option<Terms>,
    pub signer: Option<Signer>,
    pub secret: Observed,
    pub stalls_at: Timestamp,
    pub issued: u32,
    writes: u32,
}

impl Model {
    pub fn new(asked: Asked, terms: Terms) -> Self {
        let window = Window { not_before: NOW - DAY, not_after: NOW + YEAR };
        let (key_id, trust, rotation) = ("a1".into(), "t1".into(), Rotating::default());
        let signer = Signer { key_id, window, trust, rotation, halted: None };
        Self {
            asked,
            terms: Some(terms),
            signer: Some(signer),
            secret: Observed::Absent,
            stalls_at: Timestamp::MAX,
            issued: 0,
            writes: 0,
        }
    }

    pub fn decide(&self, now: Timestamp) -> Decision {
        let world = World {
            asked: &self.asked,
            terms: self.terms.as_ref().map(|terms| Allowed {
                entitlement: judge(&self.asked, terms, &Labels::new()),
                retained: None,
                profile: self.profile(terms),
            }),
            signer: self.signer_at(now).ok_or_else(|| NotReady("nobody signs".into())),
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
                self.secret = Observed::Held(self.issue(now));
            }
            Plan::Refresh { over } => {
                assert_eq!(Some(over), self.version().as_ref());
                self.refresh(now);
            }
        }
        plan
    }

    /// The leaf, which must be there.
    pub fn leaf(&self) -> &HeldLeaf {
        match &self.secret {
            Observed::Held(Held { leaf: Ok(leaf), .. }) => leaf,
            other => panic!("no leaf in {other:?}"),
        }
    }

    /// A signer that has expired signs no more, and one that is not yet valid nothing yet.
    fn signer_at(&self, now: Timestamp) -> Option<Signer> {
        let is_off = |window: Window| window.is_expired_at(now) || window.is_not_yet_valid_at(now);
        self.signer.clone().filter(|signer| !is_off(signer.window))
    }

    fn version(&self) -> Option<String> {
        match &self.secret {
            Observed::Held(held) => Some(held.version.clone()),
            _ => None,
        }
    }

    fn profile(&self, terms: &Terms) -> ProfileHash {
        ProfileHash::of(AskedHash::of(&self.asked), TermsHash::of(terms))
    }

    fn issue(&mut self, now: Timestamp) -> Held {
        let (terms, signer) = (self.terms.as_ref().unwrap(), self.signer_at(now).unwrap());
        let entitlement = judge(&self.asked, terms, &Labels::new()).unwrap();
        let profile = self.profile(terms);
        let window = Window::leaf(now, entitlement.ttl, signer.window);
        assert!(signer.window.contains(&window), "a leaf reaches outside its signer");
        self.issued += 1;
        self.writes += 1;
        let serial = format!("{:x}", self.issued);
        Held {
            version: format!("w{}", self.writes),
            mine: true,
            leaf: Ok(HeldLeaf { serial, window, key_id: signer.key_id, issued_at: now }),
            profile: Some(profile),
            fits: true,
            trust: Some(signer.trust),
            dressed: true,
            renew_request: self.asked.renew_request.clone(),
        }
    }

    fn refresh(&mut self, now: Timestamp) {
        let trust = self.signer_at(now).map(|signer| signer.trust);
        self.writes += 1;
        if let Observed::Held(held) = &mut self.secret {
            held.version = format!("w{}", self.writes);
            held.trust = trust.or_else(|| held.trust.clone());
            held.dressed = true;
        }
    }
}

/// Why a plan issues, if it does.
pub fn because(plan: &Plan) -> Option<Because> {
    match plan {
        Plan::Issue { because, .. } => Some(*because),
        _ => None,
    }
}

pub fn asked() -> Asked {
    Asked {
        name: "web".into(),
        uid: "uid-1".into(),
        authority: "mesh".into(),
        service_account: "web".into(),
        services: vec!["web".into()],
        ..Asked::plain("orders")
    }
}

pub fn terms() -> Terms {
    static TERMS: LazyLock<Terms> =
        LazyLock::new(|| Terms::parse(&MtlsAuthority::new("mesh", MtlsAuthoritySpec::default())).unwrap());
    TERMS.clone()
}
