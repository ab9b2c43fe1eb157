//! One pass over one identity: observe, decide, act, observe what was done, decide again, record.
//!
//! A write names the version that was observed; after a pass status says what was found, or an error says why not.

use std::sync::Arc;

use super::act::{Issuance, issue, refresh};
use super::altered_write::is_watched;
use super::audit::IssuanceRecord;
use super::inputs::{IdentityReconcile, authorize};
use super::key_generator::KeyGenerator;
use super::observe::observe_secret;
use super::observed::ObservedSecret;
use super::record::{record_deleting, record_malformed, with_failure};
use super::repair::is_repair;
use crate::api::MtlsAuthority;
use crate::api::identity::MtlsIdentity;
use crate::operator::client::throttle::pause;
use crate::operator::context::Context;
use crate::operator::error::Error;
use crate::operator::index::identity::ParsedIdentity;
use crate::operator::index::recorded_status::RecordedStatus;
use crate::operator::issuers::{Issuer, Unready};
use crate::operator::scheduler::ReconcileRequest;
use crate::plan::identity::decide::{Decision, IssueReason, Plan};
use crate::plan::identity::spec::IdentitySpec;
use crate::plan::identity::world::SecretState;

/// Observes an identity, gives it what it needs and records the outcome.
///
/// # Errors
/// [`Error`]: transient, to be tried again.
pub async fn reconcile(
    context: &Context,
    keys: &KeyGenerator,
    mut request: ReconcileRequest,
) -> Result<(), Error> {
    match pass(context, keys, &mut request, false).await {
        // Another client wrote meanwhile, or the index was behind: one more pass, which reads the objects themselves.
        Err(Error::Stale { .. }) => pass(context, keys, &mut request, true).await,
        result => result,
    }
}

async fn pass(
    context: &Context,
    keys: &KeyGenerator,
    request: &mut ReconcileRequest,
    must_read: bool,
) -> Result<(), Error> {
    let Some(identity) = observe_identity(context, request, must_read).await? else { return Ok(()) };
    if identity.metadata.deletion_timestamp.is_some() {
        return record_deleting(context, &identity).await;
    }
    let spec = match IdentitySpec::parse(&identity) {
        Ok(spec) => spec,
        Err(malformed) => return record_malformed(context, &identity, &malformed).await,
    };
    let issuer = observe_issuer(context, &spec).await?;
    let authorization = issuer.as_ref().map(|issuer| authorize(context, &spec, issuer)).transpose()?;
    let issuer = issuer.as_deref();
    let this =
        IdentityReconcile { context, keys, request, identity: &identity, spec: &spec, issuer, authorization };
    this.check_root()?;
    let found = observe_secret(context, &this.observe_input(), request.secret.as_ref(), must_read).await?;
    this.run(found).await
}

/// The object that was kept, or a fresh one.
async fn observe_identity(
    context: &Context,
    request: &mut ReconcileRequest,
    must_read: bool,
) -> Result<Option<MtlsIdentity>, Error> {
    if let Some(identity) = request.entry.object().filter(|_| !must_read) {
        return Ok(Some(identity));
    }
    let (namespace, name) = (&request.namespace, &request.name);
    let known = context.scheduler.lock().identity_version(namespace, name);
    let found = context.client.read::<MtlsIdentity>(Some(namespace), name).await?;
    let (parsed, now) = (found.as_ref().map(ParsedIdentity::from), context.millis());
    context.scheduler.change(|scheduler| match parsed {
        Some(parsed) => scheduler.apply_identity_answer(parsed, now),
        None => scheduler.identity_not_found(namespace, name, known, now),
    });
    Ok(found)
}

/// The authority of an identity. Identity and authority are watched apart: one that seems to be missing is requested before the
/// status says so.
async fn observe_issuer(context: &Context, spec: &IdentitySpec) -> Result<Option<Arc<Issuer>>, Error> {
    let issuer = context.issuers.get(&spec.authority);
    let is_pending = match &issuer {
        Some(issuer) => matches!(issuer.signer, Err(Unready::Pending)),
        None => context.client.read::<MtlsAuthority>(None, &spec.authority).await?.is_some(),
    };
    if is_pending { Err(Error::AuthorityPending(spec.authority.clone())) } else { Ok(issuer) }
}

impl IdentityReconcile<'_> {
    async fn run(&self, found: ObservedSecret) -> Result<(), Error> {
        let decision = self.decide(&found);
        let is_repair = is_repair(self.identity.status.as_ref(), &decision.plan, &found.state);
        if is_repair && let Some(pause) = self.pause() {
            return self.wait(decision, &found, &pause).await;
        }
        match self.act(&decision, &found).await {
            Ok(None) => self.record(&decision, &found).await,
            Ok(Some(done)) => {
                self.apply_answer(&done, is_repair);
                let after = self.decide(&done);
                self.record(&after, &done).await
            }
            // While the key is awaited, a certificate that has ended is called ready no more.
            Err(error @ Error::KeyPending) if self.is_outdated() => {
                self.record(&decision, &found).await?;
                Err(error)
            }
            // The API server asks for a pause: it is not asked for a status instead.
            Err(error) if pause(&error).is_some() => Err(error),
            // A stale observation is repeated at once; a key that is being generated is no failure to tell of.
            Err(
                error @ (Error::Stale { .. } | Error::KeyPending | Error::NotLeader { .. } | Error::Clock(_)),
            ) => Err(error),
            Err(error) => {
                let has_stalled = decision.has_stalled;
                let ready = with_failure(&decision.ready, &error, has_stalled);
                self.record(&Decision { ready, ..decision }, &found).await?;
                // What fails in the same way until something changes is a refusal, which status reports, and no failure.
                if error.is_permanent() { Ok(()) } else { Err(error) }
            }
        }
    }

    /// Whether status calls a certificate ready that has ended.
    fn is_outdated(&self) -> bool {
        let recorded = self.identity.status.as_ref().map(RecordedStatus::from).unwrap_or_default();
        recorded.is_ready && !recorded.has_valid_leaf(self.context.clock.now().as_second())
    }

    async fn act(
        &self,
        decision: &Decision,
        found: &ObservedSecret,
    ) -> Result<Option<ObservedSecret>, Error> {
        match &decision.plan {
            Plan::Keep => Ok(None),
            Plan::Issue { because, over } => self.issue(*because, over.as_deref(), found).await,
            Plan::Refresh { over } => {
                let SecretState::Held(owned) = &found.state else { return Ok(None) };
                let done = refresh(self.context, self.spec, self.issuer, found, owned, over).await?;
                self.context.metrics.refreshed();
                Ok(Some(done))
            }
        }
    }

    async fn issue(
        &self,
        because: IssueReason,
        over: Option<&str>,
        found: &ObservedSecret,
    ) -> Result<Option<ObservedSecret>, Error> {
        let Some(signing) = self.signing() else { return Ok(None) };
        let Self { context, keys, request, identity, spec, .. } = self;
        let grants = &signing.entitlement.grants;
        let priority = request.priority;
        let record = IssuanceRecord { identity: &identity.metadata, spec, because, priority, grants };
        let issuance = Issuance { id: request.id, spec, signing: &signing, keys, record };
        let done = issue(context, &issuance, found, over).await?;
        context.metrics.issued(because, priority);
        context.metrics.granted(&signing.issuer.spec.name, grants);
        Ok(Some(done))
    }

    /// The answer to a write is an observation: there is no need to wait for the watch. An admission policy may have changed the
    /// write, and may have taken away the label that the watch selects by.
    fn apply_answer(&self, done: &ObservedSecret, is_repair: bool) {
        let Some(metadata) = &done.metadata else { return };
        let now = self.context.millis();
        self.context.scheduler.change(|scheduler| {
            if is_repair {
                scheduler.repaired(self.request.id, now);
            }
            if is_watched(metadata) {
                scheduler.apply_secret_answer(metadata, now);
            }
        });
    }
}
