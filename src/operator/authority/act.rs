//! Carries out what was decided on a root. Keys of roots are made here, and nowhere else.
//!
//! A plan is one write of the root Secret; what a transition writes is in `root::transition`.

use k8s_openapi::api::core::v1::Secret;

use super::inputs::AuthorityReconcile;
use super::observe::ObservedRoot;
use super::root::creation;
use super::root::patch::RootPatch;
use super::root::transition::RootTransition;
use super::root_writes::Written;
use crate::api::authority::Phase;
use crate::api::names::key;
use crate::operator::client::wiped_secret::WipedSecret;
use crate::operator::error::Error;
use crate::pki::{Authority, AuthorityPem, EvidenceKey};
use crate::plan::authority::ca_state::Provided;
use crate::plan::authority::decision::RootPlan;
use crate::plan::authority::origin::Origin;
use crate::plan::authority::safeguards::Safeguard;
use crate::plan::authority::transition::{NextRoot, Transition};
use crate::plan::authority::world::RootWorld;

impl AuthorityReconcile<'_> {
    /// Carries a plan out.
    pub(super) async fn act(&self, plan: &RootPlan, observed: &ObservedRoot) -> Result<Written, Error> {
        match plan {
            RootPlan::Keep => Ok(Written::No),
            RootPlan::Generate => self.store_new_root(&self.generate()?, Origin::Generated).await,
            RootPlan::Copy => match &observed.provided {
                Some(pem) => self.store_new_root(pem, Origin::Provided).await,
                None => Ok(Written::No),
            },
            RootPlan::AddEvidenceKey => self.add_evidence_key(observed).await,
            RootPlan::Recover => self.replace_lost_root(observed).await,
            RootPlan::Change(transition) => self.change(transition, observed).await,
        }
    }

    /// Stores a root that signs where none has signed.
    async fn store_new_root(&self, pem: &AuthorityPem, origin: Origin) -> Result<Written, Error> {
        let mut secret = self.new_secret(pem, origin);
        creation::set_evidence_key(&mut secret, &EvidenceKey::random()?, None);
        self.create_secret(&secret.into(), Phase::Stable).await
    }

    /// Another root signs from now on, and what is left of the lost one stays trusted.
    async fn replace_lost_root(&self, observed: &ObservedRoot) -> Result<Written, Error> {
        let Some(recovery) = &observed.recovery else { return Ok(Written::No) };
        let (pem, origin) = match &observed.provided {
            Some(pem) => (pem.clone(), Origin::Provided),
            None => (self.generate()?, Origin::Generated),
        };
        let mut secret = self.new_secret(&pem, origin);
        creation::set_recovery(&mut secret, recovery, self.context.clock.now());
        self.keep_evidence_key(&mut secret, observed)?;
        let secret = WipedSecret::from(secret);
        let written = match &observed.secret {
            None => self.create_secret(&secret, Phase::Draining).await?,
            Some(found) => self.patch_secret(found, &creation::replacement(&secret), Phase::Draining).await?,
        };
        if matches!(written, Written::Yes) {
            let secret = self.authority.root_secret_name();
            tracing::warn!(authority = self.spec.name, secret, "replaced the lost root, as accepted");
        }
        Ok(written)
    }

    /// A Secret keeps its evidence key, whatever root it holds. Where it is another one than status names, that one was lost,
    /// too.
    fn keep_evidence_key(&self, secret: &mut Secret, observed: &ObservedRoot) -> Result<(), Error> {
        let key = match observed.loaded.held().and_then(|ca| ca.evidence_key.as_ref()) {
            Some(key) => key.clone(),
            None => EvidenceKey::random()?,
        };
        let named = self.authority.status.as_ref().and_then(|status| status.evidence_key_id.as_deref());
        creation::set_evidence_key(secret, &key, named.filter(|named| *named != key.id()));
        Ok(())
    }

    /// A new root Secret. A rotation that was asked for before is answered by it.
    fn new_secret(&self, pem: &AuthorityPem, origin: Origin) -> Secret {
        let (name, now) = (self.authority.root_secret_name(), self.context.clock.now());
        let mut secret = creation::new(self.spec, &self.context.namespace, &name, pem, origin, now);
        creation::record_rotate_request(&mut secret, self.requests.rotate);
        secret
    }

    /// Gives a root Secret of version 0.1 the key of status proofs.
    async fn add_evidence_key(&self, observed: &ObservedRoot) -> Result<Written, Error> {
        let Some((secret, ca)) = observed.secret.as_ref().zip(observed.loaded.held()) else {
            return Ok(Written::No);
        };
        let mut patch = RootPatch::default();
        patch.set_octets(key::EVIDENCE_KEY, EvidenceKey::random()?.octets());
        self.patch_secret(secret, &patch, ca.phase).await
    }

    /// Changes the roots in the Secret that was observed.
    async fn change(&self, transition: &Transition, observed: &ObservedRoot) -> Result<Written, Error> {
        let patch = self.patch(transition, observed)?;
        let (secret, root) = (observed.secret.as_ref(), observed.world.secret.held());
        let Some(((patch, secret), root)) = patch.zip(secret).zip(root) else { return Ok(Written::No) };
        let written = self.patch_secret(secret, &patch, transition.leads_to(root)).await?;
        if matches!(written, Written::Yes) {
            let plan = transition.as_str();
            tracing::info!(authority = self.spec.name, plan, "changed the root Secret");
        }
        Ok(written)
    }

    /// The patch of a transition.
    fn patch(&self, transition: &Transition, observed: &ObservedRoot) -> Result<Option<RootPatch>, Error> {
        let (now, rules) = (self.context.clock.now(), self.spec.rules(self.context.safeguards));
        let Some(ca) = observed.loaded.held() else { return Ok(None) };
        let change = RootTransition { spec: self.spec, rules: &rules, ca, requests: self.requests, now };
        Ok(match transition {
            Transition::RaiseMaxLeafTtl => Some(change.raise_max_leaf_ttl()),
            Transition::Withdraw => Some(change.withdraw()),
            Transition::Drop(gone) => Some(change.drop(gone)),
            Transition::Replace => {
                observed.provided.as_ref().map(|pem| replacement(&change, pem, &observed.world))
            }
            Transition::Switch { .. } => observed.next().map(|pem| change.switch(&pem)),
            Transition::Announce(origin, _) => match self.successor(NextRoot::New(*origin), observed)? {
                Some(pem) => Some(self.announcement(&change, &pem, *origin)?),
                None => None,
            },
            Transition::Succeed(next) => {
                self.successor(*next, observed)?.map(|pem| change.succeed(&pem, *next))
            }
        })
    }

    /// The next root, with its cross-certificate where the signer may make one and a path over the signer would hold.
    fn announcement(
        &self,
        change: &RootTransition<'_>,
        pem: &AuthorityPem,
        origin: Origin,
    ) -> Result<RootPatch, Error> {
        if !may_certify(change) {
            return Ok(change.announce(pem, origin, None));
        }
        let now = self.context.signing_time()?;
        let next = Authority::load(pem, now)?;
        let cross = change.ca.signer.ca.cross_certify(&next, now);
        if let Err(error) = &cross {
            tracing::warn!(%error, authority = self.spec.name, "the next root has no cross-certificate");
        }
        Ok(change.announce(pem, origin, cross.ok().as_ref()))
    }

    /// The CA that takes the signer's place.
    fn successor(&self, next: NextRoot, observed: &ObservedRoot) -> Result<Option<AuthorityPem>, Error> {
        Ok(match next {
            NextRoot::New(Origin::Generated) => Some(self.generate()?),
            NextRoot::New(Origin::Provided) => observed.provided.clone(),
            NextRoot::Existing => observed.next(),
        })
    }

    /// A new root with a new key.
    fn generate(&self) -> Result<AuthorityPem, Error> {
        let (spec, now) = (self.spec, self.context.signing_time()?);
        Ok(Authority::generate(&spec.name, spec.root_algorithm, spec.root_ttl, now)?)
    }
}

fn replacement(change: &RootTransition<'_>, pem: &AuthorityPem, world: &RootWorld) -> RootPatch {
    let is_same_signer = matches!(
        &world.inputs.provided,
        Provided::Sound { fingerprint, .. } if *fingerprint == change.ca.signer.ca.fingerprint().to_string()
    );
    if is_same_signer { change.replace_anchors(pem) } else { change.replace(pem) }
}

/// A CA certificate in the name of a company is not the operator's to make, unless the spec says so.
fn may_certify(change: &RootTransition<'_>) -> bool {
    let may_sign = !change.ca.signer.origin.is_provided() || change.spec.provided_may_certify;
    may_sign && change.rules.safeguards.hold(Safeguard::CrossCertificates)
}
