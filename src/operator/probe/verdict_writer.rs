//! Writes verdicts into the status of their identities, a few at a time.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::candidates::Candidate;
use super::status::StoredStatus;
use super::store::SharedProbeState;
use crate::api::MtlsIdentity;
use crate::api::namespaced_name::NamespacedName;
use crate::operator::context::Context;
use crate::operator::error::Error;
use crate::operator::index::identity::ParsedIdentity;
use crate::plan::probe::verdict::ServingVerdict;

/// Writes at a time, and in one round: whatever changes for all identities at once, other requests keep their turn.
const WRITES_AT_ONCE: usize = 8;

/// Writes verdicts.
pub(super) struct VerdictWriter {
    context: Context,
    state: SharedProbeState,
    permits: Arc<Semaphore>,
}

impl VerdictWriter {
    pub(super) fn new(context: Context, state: SharedProbeState) -> Self {
        Self { context, state, permits: Arc::new(Semaphore::new(WRITES_AT_ONCE)) }
    }

    /// Starts the writes of verdicts that may be written now; what is left is taken in the next round.
    pub(super) fn start_writes(&self, now: Duration, tasks: &TaskTracker) {
        while let Ok(permit) = self.permits.clone().try_acquire_owned() {
            let Some((candidate, verdict)) = self.state.lock().take_write(now) else { return };
            let (context, state) = (self.context.clone(), self.state.clone());
            tasks.spawn(async move {
                let written = write(&context, &state, &candidate, &verdict).await;
                if let Err(error) = &written {
                    let NamespacedName { namespace, name } = &*candidate.name;
                    tracing::debug!(namespace, name, %error, "a verdict of probes is not written yet");
                }
                state.lock().end_write(&candidate.name, written.is_err());
                drop(permit);
            });
        }
    }
}

/// Writes a verdict, and takes the answer for an observation.
async fn write(
    context: &Context,
    state: &SharedProbeState,
    candidate: &Candidate,
    verdict: &ServingVerdict,
) -> Result<(), Error> {
    let (NamespacedName { namespace, name }, object) = (&*candidate.name, &candidate.object);
    let Some(patch) = patch(context, candidate, verdict).await? else { return Ok(()) };
    let written = context.client.patch_identity_status(namespace, name, patch).await;
    let is_stale = matches!(written, Err(Error::Stale { .. }));
    let found = match written {
        // Another client has written: the next round judges the object as it is now.
        Err(Error::Stale { .. }) => context.client.read::<MtlsIdentity>(Some(namespace), name).await?,
        written => Some(written?),
    };
    let Some(identity) = found else { return Ok(()) };
    let parsed = ParsedIdentity::from(&identity);
    context.scheduler.change(|scheduler| scheduler.apply_identity_answer(parsed, context.millis()));
    state.change_if(|state| {
        if is_stale { state.apply_read(object.version, &identity) } else { state.apply_response(&identity) }
    });
    Ok(())
}

/// The patch that states a verdict. `None` where the object is gone, or is not any more what was judged.
async fn patch(
    context: &Context,
    Candidate { name, object, .. }: &Candidate,
    verdict: &ServingVerdict,
) -> Result<Option<Value>, Error> {
    let now = context.clock.now();
    if let Some(status) = &object.status {
        return Ok(Some(status.patch(verdict, object.generation, now)));
    }
    let NamespacedName { namespace, name } = &**name;
    let found = context.client.read::<MtlsIdentity>(Some(namespace), name).await?;
    let current = found.filter(|found| object.is_same(found));
    let status = current.as_ref().and_then(StoredStatus::new);
    Ok(status.map(|status| status.patch(verdict, object.generation, now)))
}
