//! One identity with everything that a reconcile observes but its Secret.
//!
//! Built once for each pass; what follows reads it and changes nothing in it.

use jiff::Timestamp;

use super::key_generator::KeyGenerator;
use super::observed::{ObserveInput, ObservedSecret, RootInput};
use super::status;
use crate::api::identity::MtlsIdentity;
use crate::api::names::GROUP;
use crate::operator::context::Context;
use crate::operator::error::Error;
use crate::operator::issuers::{Issuer, SigningCa, Unready};
use crate::operator::scheduler::ReconcileRequest;
use crate::operator::status_proof::proves_loss;
use crate::plan::identity::decide::{Decision, decide};
use crate::plan::identity::policy::{self, Entitlement};
use crate::plan::identity::profile::{AuthoritySpecHash, IdentitySpecHash, ProfileHash};
use crate::plan::identity::signer::{NotReady, Signer};
use crate::plan::identity::spec::IdentitySpec;
use crate::plan::identity::world::{Authorization, World};

/// The inputs of one pass over one identity.
pub struct IdentityReconcile<'a> {
    /// What all controllers share.
    pub context: &'a Context,
    /// Where keys come from that take long to generate.
    pub keys: &'a KeyGenerator,
    /// Why and for which identity.
    pub request: &'a ReconcileRequest,
    /// The object.
    pub identity: &'a MtlsIdentity,
    /// Its spec.
    pub spec: &'a IdentitySpec,
    /// Its authority, where there is one.
    pub issuer: Option<&'a Issuer>,
    /// What the authority allows.
    pub authorization: Option<Authorization>,
}

/// What an issuance needs: who signs, what, and the hash of it.
pub struct Signing<'a> {
    /// The authority.
    pub issuer: &'a Issuer,
    /// The root that signs.
    pub root: &'a SigningCa,
    /// What the certificate says.
    pub entitlement: &'a Entitlement,
    /// Hash of what was asked.
    pub profile: ProfileHash,
}

impl IdentityReconcile<'_> {
    /// What the observation of the Secret depends on.
    pub fn observe_input(&self) -> ObserveInput<'_> {
        let root = self.root().map(|root| RootInput {
            bundle: root.authority.bundle(),
            trust: &root.facts.trust,
            rotation: &root.facts.rotation,
        });
        ObserveInput {
            identity: self.identity,
            spec: self.spec,
            authorization: self.authorization.as_ref(),
            root,
        }
    }

    /// The root that signs, where one does.
    pub fn root(&self) -> Option<&SigningCa> {
        self.issuer?.signer.as_deref().ok()
    }

    /// All that an issuance needs.
    pub fn signing(&self) -> Option<Signing<'_>> {
        let authorization = self.authorization.as_ref()?;
        Some(Signing {
            issuer: self.issuer?,
            root: self.root()?,
            entitlement: authorization.leaf()?,
            profile: authorization.profile,
        })
    }

    /// A status that proves a later root than the one in force is no error of that status: its authority is reconciled.
    pub fn check_root(&self) -> Result<(), Error> {
        let now = self.context.clock.now();
        let Some(root) = self.root().filter(|root| proves_loss(self.identity, root, now)) else {
            return Ok(());
        };
        self.context.authorities.change(|authorities| authorities.requeue_at(&self.spec.authority, 0));
        Err(Error::Stale { what: format!("root Secret {}/{}", self.context.namespace, root.secret_name) })
    }

    /// What is decided of the identity with this Secret.
    pub fn decide(&self, found: &ObservedSecret) -> Decision {
        let world = World {
            spec: self.spec,
            authorization: self.authorization.clone(),
            signer: signer(self.spec, self.issuer),
            secret: found.state.clone(),
            before: status::before(self.identity),
            stalls_at: self.stalls_at(),
        };
        decide(&world, self.context.clock.now())
    }

    /// From when on a refusal needs manual action.
    fn stalls_at(&self) -> Timestamp {
        let scheduler = self.context.scheduler.lock();
        let at = scheduler.index().entry(self.request.id).map(|entry| scheduler.stalls_at(entry));
        at.and_then(|at| Timestamp::from_millisecond(at).ok()).unwrap_or(Timestamp::MAX)
    }
}

/// What an authority allows an identity. A namespace that is not known has no labels, which is what a selector may ask for:
/// nothing is decided before it is.
pub fn authorize(context: &Context, spec: &IdentitySpec, issuer: &Issuer) -> Result<Authorization, Error> {
    let known =
        context.scheduler.lock().policy().namespace(&spec.namespace).map(|found| found.labels.clone());
    let labels = known.ok_or_else(|| Error::Stale { what: format!("Namespace {}", spec.namespace) })?;
    Ok(Authorization {
        entitlement: policy::authorize(spec, &issuer.spec, &labels),
        retained: policy::retained(spec, &issuer.spec, &labels),
        profile: ProfileHash::of(IdentitySpecHash::of(spec), AuthoritySpecHash::of(&issuer.spec)),
    })
}

/// The signer of an identity, or the sentence that says why there is none.
fn signer(spec: &IdentitySpec, issuer: Option<&Issuer>) -> Result<Signer, NotReady> {
    let authority = &spec.authority;
    let Some(issuer) = issuer else {
        let advice = "create it, or correct spec.authorityRef.name";
        return Err(NotReady(format!(
            "there is no MtlsAuthority {authority} ({GROUP}) that this operator serves; {advice}"
        )));
    };
    let cannot_sign = |why: &NotReady| NotReady(format!("MtlsAuthority {authority} cannot sign: {}", why.0));
    match &issuer.signer {
        Ok(root) => Ok(Signer { halted: root.facts.halted.as_ref().map(cannot_sign), ..root.facts.clone() }),
        Err(Unready::Down(why)) => Err(cannot_sign(why)),
        Err(Unready::Pending) => Err(NotReady(format!("MtlsAuthority {authority} is being set up"))),
    }
}
