//! A root Secret in two forms: as the operator writes and loads it, with real certificates, and as the model holds it. Both
//! take the same steps.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use mtls_operator::api::authority::{AuthorityRequests, Phase};
use mtls_operator::api::{MtlsAuthority, MtlsAuthoritySpec};
use mtls_operator::operator::authority::root::ca_pem::next_pem;
use mtls_operator::operator::authority::root::creation;
use mtls_operator::operator::authority::root::load::load;
use mtls_operator::operator::authority::root::loaded_ca::LoadedRoot;
use mtls_operator::operator::authority::root::patch::RootPatch;
use mtls_operator::operator::authority::root::read_back::read_back;
use mtls_operator::operator::authority::root::transition::RootTransition;
use mtls_operator::pki::{Authority, AuthorityPem, EvidenceKey, Fingerprint, RootAlgorithm, TrustBundle};
use mtls_operator::plan::authority::origin::Origin;
use mtls_operator::plan::authority::rotation_inputs::RotationRules;
use mtls_operator::plan::authority::safeguards::Safeguards;
use mtls_operator::plan::authority::spec::AuthoritySpec;
use mtls_operator::plan::authority::transition::{NextRoot, Transition};
use rotation_model::Scope;
use rotation_model::ca::Ca;
use rotation_model::decisions::{Decisions, dropped};
use rotation_model::pki::{Pki, RootId, Roots};
use rotation_model::time::{FAR, LEAF, PROPAGATION, Ticks, at, span};
use rotation_model::transition;

const NAMESPACE: &str = "mtls-system";
const NAME: &str = "mtls-authority-mesh";
const PLACE: &str = "mtls-system/mtls-authority-mesh";

/// A root that was made: what the operator knows of it.
pub struct Made {
    pub pem: AuthorityPem,
    pub fingerprint: Fingerprint,
    pub key_id: String,
    pub anchors: TrustBundle,
}

/// Both root Secrets, and what people want of them.
pub struct Pair {
    pub ca: Ca,
    pub pki: Pki,
    pub decisions: Decisions,
    pub scope: Scope,
    pub secret: Secret,
    /// By the model's number.
    pub made: Vec<Made>,
    pub provided: Option<RootId>,
    pub named: Roots,
    pub asked: u8,
    pub longest: Ticks,
    terms: AuthoritySpec,
    /// Since the beginning, in ticks.
    elapsed: i64,
}

impl Pair {
    /// A generated root that ends then.
    pub fn new(scope: Scope) -> Self {
        let terms = AuthoritySpec::parse(&MtlsAuthority::new("mesh", MtlsAuthoritySpec::default())).unwrap();
        let terms = AuthoritySpec { max_leaf_ttl: span(LEAF), ..terms };
        let first = made(scope.first_end, at(0));
        let mut secret = creation::new(&terms, NAMESPACE, NAME, &first.pem, Origin::Generated, at(0));
        creation::set_evidence_key(&mut secret, &EvidenceKey::random().unwrap(), None);
        let mut pki = Pki::EMPTY;
        Self {
            ca: Ca::new(pki.make(scope.first_end), LEAF, 0),
            pki,
            decisions: Decisions::new(&scope),
            scope,
            secret,
            made: vec![first],
            provided: None,
            named: Roots::default(),
            asked: 0,
            longest: LEAF,
            terms,
            elapsed: 0,
        }
    }

    /// This moment, by a clock that is so far ahead.
    pub fn now(&self, ahead: Ticks) -> Timestamp {
        at(0) + span(1) * i32::try_from(self.elapsed).unwrap() + span(ahead)
    }

    /// The same moment, counted as the model does.
    pub fn ticks(&self, moment: Timestamp) -> Ticks {
        rotation_model::time::ticks(moment - span(1) * i32::try_from(self.elapsed).unwrap())
    }

    /// The last tick that is no later than this moment.
    pub fn last_tick(&self, moment: Timestamp) -> Ticks {
        let ticks = self.ticks(moment);
        if ticks == FAR || moment == self.now(ticks) { ticks } else { ticks - 1 }
    }

    pub fn loaded(&self, ahead: Ticks) -> LoadedRoot {
        load(Some(&self.secret), &self.terms, PLACE, self.now(ahead))
    }

    pub fn rules(&self) -> RotationRules {
        RotationRules {
            propagation: span(PROPAGATION),
            spread_over: span(self.scope.spread),
            renew_before: span(self.scope.margin),
            max_leaf_ttl: span(self.longest),
            safeguards: Safeguards::ALL,
        }
    }

    pub fn request(&self) -> Option<String> {
        (self.asked > 0).then(|| self.asked.to_string())
    }

    /// Ticks pass.
    pub fn pass_time(&mut self, ticks: Ticks) {
        for _ in 0..ticks {
            self.pki.pass_time();
            self.ca.pass_time(&self.pki);
        }
        self.elapsed += i64::from(ticks);
    }

    /// People ask for a longer lifetime of leaves.
    pub fn lengthen(&mut self, longest: Ticks) {
        self.longest = longest;
        self.terms.max_leaf_ttl = span(longest);
    }

    /// People distrust a root.
    pub fn distrust(&mut self, root: RootId) {
        self.named = self.named.with(root);
        self.terms.distrust.push(self.made[usize::from(root)].fingerprint);
        self.ca = self.ca.read(self.named, true);
    }

    /// A further root exists, which is in no Secret yet.
    pub fn make(&mut self) -> RootId {
        self.made.push(made(FAR, self.now(0)));
        self.pki.make(FAR)
    }

    /// A replica with this clock makes a transition.
    pub fn make_transition(&mut self, to: &Transition, ahead: Ticks) {
        let enters = match to {
            Transition::Announce(Origin::Provided, _)
            | Transition::Succeed(NextRoot::New(Origin::Provided)) => self.provided,
            Transition::Announce(..) | Transition::Succeed(NextRoot::New(Origin::Generated)) => {
                Some(self.make())
            }
            _ => None,
        };
        let phase = self.write(to, enters, ahead);
        let change = transition::Change {
            decisions: &self.decisions,
            asked: self.asked,
            longest: self.longest,
            now: ahead,
        };
        let after = change.apply(self.ca, to, enters, &mut self.pki).unwrap();
        assert_eq!(after.phase, phase, "the phase that the transition leads to");
        self.ca = if self.named.is_empty() { after } else { after.read(self.named, true) };
    }

    /// The operator's write. It can be read back (I13).
    fn write(&mut self, to: &Transition, enters: Option<RootId>, ahead: Ticks) -> Phase {
        let (loaded, rules, now, request) =
            (self.loaded(ahead), self.rules(), self.now(ahead), self.request());
        let requests = AuthorityRequests { rotate: request.as_deref(), exclude: None };
        let ca = loaded.held().unwrap();
        let change = RootTransition { spec: &self.terms, rules: &rules, ca, requests, now };
        let to = &self.with_real_names(to);
        let phase = to.leads_to(&ca.state());
        let patch = self.patch(&change, to, enters);
        let after = patch.applied_to(&self.secret);
        assert_eq!(read_back(&after, &self.terms, PLACE, phase, now), Ok(()));
        self.secret = after;
        phase
    }

    fn with_real_names(&self, to: &Transition) -> Transition {
        let Transition::Drop(gone) = to else { return to.clone() };
        let made = dropped(gone).iter().map(|root| &self.made[usize::from(root)]);
        Transition::Drop(made.map(|made| made.fingerprint.to_string()).collect())
    }

    /// The patch of a transition, as the operator's pass asks for it.
    fn patch(&self, change: &RootTransition<'_>, to: &Transition, enters: Option<RootId>) -> RootPatch {
        let pem = || &self.made[usize::from(enters.unwrap())].pem;
        match to {
            Transition::Announce(origin, _) => {
                let next = Authority::load(pem(), change.now).unwrap();
                // A CA that people provide certifies nothing.
                let signer = &change.ca.signer;
                let certifies = !signer.origin.is_provided();
                let cross = certifies.then(|| signer.ca.cross_certify(&next, change.now).unwrap());
                change.announce(pem(), *origin, cross.as_ref())
            }
            Transition::Withdraw => change.withdraw(),
            Transition::Switch { .. } => change.switch(&next_pem(&self.secret)),
            Transition::Succeed(NextRoot::Existing) => {
                change.succeed(&next_pem(&self.secret), NextRoot::Existing)
            }
            Transition::Succeed(next) => change.succeed(pem(), *next),
            Transition::Drop(gone) => change.drop(gone),
            Transition::RaiseMaxLeafTtl => change.raise_max_leaf_ttl(),
            Transition::Replace => unreachable!("no two roots of the model have the same anchors"),
        }
    }
}

fn made(ends: Ticks, now: Timestamp) -> Made {
    let pem = Authority::generate("mesh", RootAlgorithm::EcdsaP256, span(ends), now).unwrap();
    let root = Authority::load(&pem, now).unwrap();
    Made {
        fingerprint: root.fingerprint(),
        key_id: root.key_id().to_string(),
        anchors: root.anchors().clone(),
        pem,
    }
}
