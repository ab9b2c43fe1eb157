//! One pass over one identity: observe, decide, act, observe what was done, decide again, record.

use std::sync::Arc;

use jiff::Timestamp;

use super::act::{Applicant, issue, refresh};
use super::altered_write::is_watched;
use super::audit::IssuanceRecord;
use super::observe::{ObserveInput, ObservedSecret, secret};
use super::record::{record_ending, record_malformed, told};
use super::repair::is_repair;
use super::status;
use crate::api::MtlsAuthority;
use crate::api::identity::MtlsIdentity;
use crate::api::names::GROUP;
use crate::operator::context::Context;
use crate::operator::error::Error;
use crate::operator::issuers::{Issuer, SigningCa, Unready};
use crate::operator::scheduler::ReconcileRequest;
use crate::operator::status_proof::proves_loss;
use crate::plan::identity::decide::{Decision, IssueReason, Plan, decide};
use crate::plan::identity::policy;
use crate::plan::identity::profile::{AuthoritySpecHash, IdentitySpecHash, ProfileHash};
use crate::plan::identity::spec::IdentitySpec;
use crate::plan::identity::world::{Authorization, NotReady, SecretState, Signer, World};

/// Observes an identity, gives it what it needs and records how it stands.
///
/// # Errors
/// [`Error`]: transient, to be tried again.
pub async fn reconcile(context: &Context, mut job: ReconcileRequest) -> Result<(), Error> {
    match pass(context, &mut job, false).await {
        // Somebody wrote meanwhile, or the index was behind: one more look, at the objects themselves.
        Err(Error::Stale { .. }) => pass(context, &mut job, true).await,
        result => result,
    }
}

async fn pass(context: &Context, job: &mut ReconcileRequest, must_read: bool) -> Result<(), Error> {
    let Some(identity) = identity(context, job, must_read).await? else { return Ok(()) };
    if identity.metadata.deletion_timestamp.is_some() {
        return record_ending(context, &identity).await;
    }
    let asked = match IdentitySpec::parse(&identity) {
        Ok(asked) => asked,
        Err(malformed) => return record_malformed(context, &identity, &malformed).await,
    };
    let service = service(context, &asked).await?;
    let allowed = service.as_ref().map(|service| allowed(context, &asked, service)).transpose()?;
    let case = IdentityReconcile {
        context,
        job,
        identity: &identity,
        asked: &asked,
        service: service.as_deref(),
        allowed,
    };
    case.check_root()?;
    let found = secret(context, &case.subject(), job.secret.as_ref(), must_read).await?;
    case.carry_out(found).await
}

/// The object that was kept, or a fresh one.
async fn identity(
    context: &Context,
    job: &mut ReconcileRequest,
    must_read: bool,
) -> Result<Option<MtlsIdentity>, Error> {
    if let Some(identity) = job.identity.take().filter(|_| !must_read) {
        return Ok(Some(*identity));
    }
    let known = context.board.lock().known_identity(&job.namespace, &job.name);
    let found = context.requests.read::<MtlsIdentity>(Some(&job.namespace), &job.name).await?;
    let now = context.millis();
    context.board.change(|board| match &found {
        Some(identity) => board.answered_identity(identity, now),
        None => board.missed_identity(&job.namespace, &job.name, known, now),
    });
    Ok(found)
}

/// The authority of an identity. Identity and authority are watched apart: one that seems to be missing is asked
/// for before anybody is told so.
async fn service(context: &Context, asked: &IdentitySpec) -> Result<Option<Arc<Issuer>>, Error> {
    let service = context.authorities.get(&asked.authority);
    let is_pending = match &service {
        Some(service) => matches!(service.signer, Err(Unready::Pending)),
        None => context.requests.read::<MtlsAuthority>(None, &asked.authority).await?.is_some(),
    };
    if is_pending { Err(Error::AuthorityPending(asked.authority.clone())) } else { Ok(service) }
}

/// What an authority allows an identity. A namespace that is not known has no labels, which is what a selector may ask for:
/// nothing is judged before it is.
fn allowed(context: &Context, asked: &IdentitySpec, service: &Issuer) -> Result<Authorization, Error> {
    let known =
        context.board.lock().jurisdiction().namespace(&asked.namespace).map(|found| found.labels.clone());
    let labels = known.ok_or_else(|| Error::Stale { what: format!("Namespace {}", asked.namespace) })?;
    Ok(Authorization {
        entitlement: policy::judge(asked, &service.terms, &labels),
        retained: policy::retained(asked, &service.terms, &labels),
        profile: ProfileHash::of(IdentitySpecHash::of(asked), AuthoritySpecHash::of(&service.terms)),
    })
}

/// One identity with everything that was observed but its Secret.
pub(super) struct IdentityReconcile<'a> {
    pub(super) context: &'a Context,
    pub(super) job: &'a ReconcileRequest,
    pub(super) identity: &'a MtlsIdentity,
    pub(super) asked: &'a IdentitySpec,
    service: Option<&'a Issuer>,
    allowed: Option<Authorization>,
}

impl IdentityReconcile<'_> {
    fn subject(&self) -> ObserveInput<'_> {
        let root = self.root();
        ObserveInput {
            identity: self.identity,
            asked: self.asked,
            allowed: self.allowed.as_ref(),
            bundle: root.map(|root| root.authority.bundle()),
            rotation: root.map(|root| &root.facts.rotation),
        }
    }

    pub(super) fn root(&self) -> Option<&SigningCa> {
        self.service?.signer.as_deref().ok()
    }

    /// A status that proves a later root than the one in force is no error of that status: its authority is looked at.
    fn check_root(&self) -> Result<(), Error> {
        let now = self.context.clock.now();
        let Some(root) = self.root().filter(|root| proves_loss(self.identity, root, now)) else {
            return Ok(());
        };
        self.context.roster.change(|authorities| authorities.requeue_at(&self.asked.authority, 0));
        Err(Error::Stale { what: format!("root Secret {}/{}", self.context.namespace, root.secret_name) })
    }

    /// From when on a refusal needs a person.
    fn stalls_at(&self) -> Timestamp {
        let board = self.context.board.lock();
        let at = board.index().entry(self.job.id).map(|entry| board.stalls_at(entry));
        at.and_then(|at| Timestamp::from_millisecond(at).ok()).unwrap_or(Timestamp::MAX)
    }

    fn decide(&self, found: &ObservedSecret) -> Decision {
        let world = World {
            asked: self.asked,
            terms: self.allowed.clone(),
            signer: signer(self.asked, self.service),
            secret: found.observed.clone(),
            before: status::before(self.identity),
            stalls_at: self.stalls_at(),
        };
        decide(&world, self.context.clock.now())
    }

    async fn carry_out(&self, found: ObservedSecret) -> Result<(), Error> {
        let decision = self.decide(&found);
        let is_repair = is_repair(self.identity.status.as_ref(), &decision.plan, &found.observed);
        if is_repair && let Some(pause) = self.pause() {
            return self.wait(decision, &found, &pause).await;
        }
        match self.act(&decision, &found).await {
            Ok(None) => self.record(&decision, &found).await,
            Ok(Some(done)) => {
                self.saw(&done, is_repair);
                let after = self.decide(&done);
                self.record(&after, &done).await
            }
            // A stale observation is looked at again at once; a key on its way is no trouble worth telling.
            Err(
                error @ (Error::Stale { .. } | Error::KeyPending | Error::NotLeader { .. } | Error::Clock(_)),
            ) => Err(error),
            Err(error) => {
                let has_stalled = decision.has_stalled;
                let standing = told(&decision.standing, &error, has_stalled);
                self.record(&Decision { standing, ..decision }, &found).await?;
                // What ends alike until something changes is a refusal, which is told, and no failure.
                if error.is_permanent() { Ok(()) } else { Err(error) }
            }
        }
    }

    async fn act(
        &self,
        decision: &Decision,
        found: &ObservedSecret,
    ) -> Result<Option<ObservedSecret>, Error> {
        match &decision.plan {
            Plan::Keep => Ok(None),
            Plan::Issue { because, over } => {
                let Some((service, root, entitlement)) = self.signing() else { return Ok(None) };
                let applicant = Applicant { id: self.job.id, asked: self.asked, service, root };
                let issuance = self.issuance(*because, &entitlement.grants);
                let over = over.as_deref();
                let done = issue(self.context, &applicant, entitlement, found, over, &issuance).await?;
                self.context.metrics.issued(*because, self.job.class);
                self.context.metrics.granted(&service.terms.name, &entitlement.grants);
                Ok(Some(done))
            }
            Plan::Refresh { .. } => {
                let SecretState::Held(held) = &found.observed else { return Ok(None) };
                let done = refresh(self.context, self.asked, self.service, found, held).await?;
                self.context.metrics.refreshed();
                Ok(Some(done))
            }
        }
    }

    fn signing(&self) -> Option<(&Issuer, &SigningCa, &policy::Entitlement)> {
        let service = self.service?;
        let root = self.root()?;
        let entitlement = self.allowed.as_ref()?.leaf()?;
        Some((service, root, entitlement))
    }

    /// The answer to a write is an observation: there is no need to wait for the watch. An admission policy may have had a
    /// hand in it, and may have taken away what the watch goes by.
    fn saw(&self, done: &ObservedSecret, is_repair: bool) {
        let Some(metadata) = &done.metadata else { return };
        let meta = kube::core::PartialObjectMeta { metadata: metadata.clone(), ..Default::default() };
        let now = self.context.millis();
        self.context.board.change(|board| {
            if is_repair {
                board.repaired(self.job.id, now);
            }
            if is_watched(metadata) {
                board.answered_secret(&meta, now);
            }
        });
    }

    fn issuance<'b>(&'b self, because: IssueReason, grants: &'b [String]) -> IssuanceRecord<'b> {
        let Self { job, identity, asked, .. } = self;
        IssuanceRecord { identity: &identity.metadata, asked, because, class: job.class, grants }
    }
}

/// Who signs for an identity, or the sentence that says why nobody does.
fn signer(asked: &IdentitySpec, service: Option<&Issuer>) -> Result<Signer, NotReady> {
    let authority = &asked.authority;
    let Some(service) = service else {
        let advice = "create it, or correct spec.authorityRef.name";
        return Err(NotReady(format!(
            "there is no MtlsAuthority {authority} ({GROUP}) that this operator serves; {advice}"
        )));
    };
    let cannot_sign = |why: &NotReady| NotReady(format!("MtlsAuthority {authority} cannot sign: {}", why.0));
    match &service.signer {
        Ok(root) => Ok(Signer { halted: root.facts.halted.as_ref().map(cannot_sign), ..root.facts.clone() }),
        Err(Unready::Down(why)) => Err(cannot_sign(why)),
        Err(Unready::Pending) => Err(NotReady(format!("MtlsAuthority {authority} is being set up"))),
    }
}
