//! The comparison of the operator's root Secret with the model's, and of what follows from either: the decision on the root,
//! the chain that is served, and the verdict of verifiers.

use k8s_openapi::api::core::v1::Secret;
use mtls_operator::operator::authority::root::loaded_ca::{LoadedCa, LoadedRoot};
use mtls_operator::pki::{
    CommonName, KeyAlgorithm, LeafProfile, PrivateKey, Serial, SpiffeId, TrustDomain, Validity,
    verify_as_peer,
};
use mtls_operator::plan::authority::ca_state::{Provided, RootSecret};
use mtls_operator::plan::authority::decide::decide;
use mtls_operator::plan::authority::decision::RootPlan;
use mtls_operator::plan::authority::quiet_period::Distribution;
use mtls_operator::plan::authority::rotation_inputs::RotationInputs;
use mtls_operator::plan::authority::transition::Transition;
use mtls_operator::plan::authority::world::{LossAcceptance, RootWorld};
use mtls_operator::plan::unread_spec::Unread;
use rotation_model::ca::Ca;
use rotation_model::decisions::Question;
use rotation_model::facts;
use rotation_model::pki::{Chain, Roots};
use rotation_model::time::{LEAF, PROPAGATION, Ticks, span};

use super::pair::Pair;

impl Pair {
    /// Both are the same, and the same follows from them.
    pub fn assert_same(&self) {
        let loaded = self.loaded(0);
        let is_expired = self.pki.end(self.ca.signer) < 0;
        assert_eq!(matches!(loaded, RootSecret::Expired(_)), is_expired, "the signer has expired");
        let normal = Ca { since: self.since(self.ca.since), ..self.ca };
        let held = loaded.held().unwrap();
        assert_eq!(self.abstracted(held), normal);
        let bundle = held.signer.ca.bundle();
        let trust = Roots::of(bundle.fingerprints().map(|found| self.root(&found.to_string())));
        assert_eq!(trust, self.ca.trust(), "the trust bundle in force");
        self.assert_counts(held);
        for quiet in [None, Some(0), Some(PROPAGATION)] {
            assert_eq!(self.plan(&loaded, quiet), self.plan_of_model(quiet), "quiet for {quiet:?}");
        }
        if !is_expired && !self.ca.is_lost() {
            self.assert_signs_alike(held);
        }
    }

    /// No list names anything twice, and no key holds more certificates than the model says.
    fn assert_counts(&self, held: &LoadedCa) {
        let Ca { next, retiring, former, .. } = self.ca;
        let is_next = usize::from(next.is_some());
        let retiring = retiring.iter().flatten().count();
        let next_cross = next.filter(|next| self.ca.crosses.contain(*next));
        let expected = [
            ("tls.crt", 1),
            ("ca.crt", 1),
            ("next.crt", is_next),
            ("next-ca.crt", is_next),
            ("retiring.crt", retiring),
            ("next-cross.crt", next_cross.iter().count()),
        ];
        for (key, count) in expected {
            assert_eq!(certificates(&self.secret, key), count, "{key}");
        }
        // One that has ended stays until the next write.
        assert!(certificates(&self.secret, "cross.crt") <= 1);
        assert_eq!(held.retiring.len(), retiring);
        assert_eq!(held.former.len(), former.roots().iter().count());
    }

    /// What the operator decides on the Secret that it has loaded, in the model's words.
    fn plan(&self, loaded: &LoadedRoot, quiet: Option<Ticks>) -> RootPlan {
        let provided = match self.provided {
            None => Provided::NotAsked,
            Some(root) if self.named.contain(root) => Provided::Invalid("it is distrusted".into()),
            Some(root) => Provided::Sound {
                fingerprint: self.made[usize::from(root)].fingerprint.to_string(),
                anchors: self.made[usize::from(root)].anchors.hash(),
            },
        };
        let plan = decide(&RootWorld {
            secret_name: "root".into(),
            secret: loaded.map(LoadedCa::state),
            inputs: RotationInputs {
                now: self.now(0),
                rules: self.rules(),
                provided,
                request: self.request(),
                distribution: Distribution { quiet_for: quiet.map(span) },
            },
            evidence: None,
            acceptance: LossAcceptance::NotAsked,
            unread: Unread::default(),
            clock: None,
        })
        .plan;
        let RootPlan::Change(transition) = plan else { return plan };
        let transition = match transition {
            Transition::Drop(gone) => {
                Transition::Drop(gone.iter().map(|found| facts::fingerprint(self.root(found))).collect())
            }
            other => other,
        };
        RootPlan::Change(transition)
    }

    fn plan_of_model(&self, quiet: Option<Ticks>) -> RootPlan {
        let question = Question {
            ca: Some(self.ca),
            pki: self.pki,
            quiet,
            provided: self.provided,
            distrusted: self.named,
            asked: self.asked,
            longest: self.longest,
            has_evidence: false,
            now: 0,
        };
        self.decisions.verdict(&question).plan
    }

    /// A leaf is served with as many certificates as the model says, and accepted by verifiers that trust the roots that the
    /// model says. What Secrets have to follow is the same.
    fn assert_signs_alike(&self, held: &LoadedCa) {
        let (operator, model) = (held.facts(), facts::signer(&self.ca, &self.pki));
        assert_eq!(operator.rotation.is_announced, model.rotation.is_announced);
        assert_eq!(operator.rotation.retiring.len(), model.rotation.retiring.len());
        assert_eq!(operator.rotation.distrusted.len(), model.rotation.distrusted.len());
        let known = Roots::of(operator.rotation.known.iter().map(|key_id| self.key(key_id)));
        assert_eq!(
            known,
            Roots::of((0..8).filter(|root| self.ca.knows(*root))),
            "whose leaves are explained"
        );
        let crosses = self.pki.run(self.ca.signer, self.ca.served(&self.pki), 0);
        let chain = Chain { signer: self.ca.signer, crosses };
        let (authority, now) = (&held.signer.ca, self.now(0));
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let window = Validity::leaf(now, span(LEAF), authority.window());
        let issued = authority.issue(&profile(), key, window, Serial::random().unwrap()).unwrap();
        let served = issued.chain_pem.matches("BEGIN CERTIFICATE").count();
        assert_eq!(served, 1 + crosses.iter().count(), "certificates in a chain");
        // The operator's own reading of a chain is stricter than any peer's: no leaf outlives the certificate above it.
        let is_shorter = |root| self.pki.cross_end(root) < self.last_tick(window.not_after);
        let is_outlived = crosses.iter().any(is_shorter);
        for (root, made) in (0..).zip(&self.made) {
            if self.pki.end(root) < 0 || is_outlived && root != self.ca.signer {
                continue;
            }
            let found =
                verify_as_peer(issued.chain_pem.as_bytes(), issued.key_pem.as_bytes(), &made.anchors, now);
            let is_accepted = self.pki.accept(Roots::one(root), chain);
            assert_eq!(found.is_ok(), is_accepted, "root {root} alone, {chain:?}: {found:?}");
        }
    }
}

fn profile() -> LeafProfile {
    let trust_domain: TrustDomain = "cluster.local".parse().unwrap();
    LeafProfile {
        spiffe_id: SpiffeId::new(&trust_domain, "orders", "web"),
        dns_names: vec!["web.orders.svc".into()],
        ip_addresses: Vec::new(),
        key_algorithm: KeyAlgorithm::EcdsaP256,
        common_name: CommonName::default(),
    }
}

fn certificates(secret: &Secret, key: &str) -> usize {
    let text = secret.data.iter().flatten().find(|(name, _)| *name == key);
    text.map_or(0, |(_, text)| String::from_utf8_lossy(&text.0).matches("BEGIN CERTIFICATE").count())
}
