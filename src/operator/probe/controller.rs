//! Probes endpoints when they are due, while this replica leads: a few at once, a few a second. Writes the verdicts into the
//! status of their identities.
//!
//! A round observes, decides (`Decision`, which only computes), records verdicts and starts probes, in that order. Locks are
//! held one at a time and never across an await.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;

use super::credentials::{CredentialCache, ProbeCredentials};
use super::decision::{Decision, DueProbe};
use super::endpoint_probe::{EndpointProber, ProbedEndpoint};
use super::expectation::{ProbeTarget, targets};
use super::status::{StatusWrite, begin_write};
use super::store::{Candidate, SharedProbeState};
use crate::api::MtlsIdentity;
use crate::api::namespaced_name::NamespacedName;
use crate::operator::context::Context;
use crate::operator::error::Error;
use crate::plan::probe::observation::Observation;
use crate::plan::probe::schedule::ProbeRecord;
use crate::plan::probe::verdict::{Expected, ServingReason, ServingVerdict};
use crate::runtime::leader::Leadership;
use crate::runtime::readiness::Readiness;

/// Endpoints that are probed at once.
const PROBES_AT_ONCE: usize = 32;
/// Probes started in one round, and the shortest interval of rounds: 50 probes a second.
const PROBES_A_ROUND: usize = 10;
const MIN_ROUND_INTERVAL: Duration = Duration::from_millis(200);
/// The longest pause between two rounds.
const MAX_PAUSE: Duration = Duration::from_secs(10);

/// The controller of probes.
pub struct ProbeController {
    context: Context,
    state: SharedProbeState,
    /// How servers are probed; `None` where the operator does not probe.
    prober: Option<EndpointProber>,
    credentials: CredentialCache,
    permits: Arc<Semaphore>,
    tasks: TaskTracker,
}

impl ProbeController {
    /// A controller that probes with this prober; without one it only states that it does not probe.
    #[must_use]
    pub fn new(context: Context, state: SharedProbeState, prober: Option<EndpointProber>) -> Self {
        let credentials = CredentialCache::new(context.clone());
        let permits = Arc::new(Semaphore::new(PROBES_AT_ONCE));
        Self { context, state, prober, credentials, permits, tasks: TaskTracker::new() }
    }

    /// Probes while this replica leads, once the watches have listed everything. Never ends.
    pub async fn run(mut self, mut leadership: Leadership, listed: Readiness) {
        listed.ready().await;
        loop {
            leadership.until_leader().await;
            self.state.lock().clear_observations();
            while leadership.is_leader() {
                let pause = self.round().await;
                self.context.clock.sleep(MIN_ROUND_INTERVAL).await;
                tokio::select! {
                    () = self.state.changed() => {}
                    () = self.context.clock.sleep(pause) => {}
                }
            }
            self.context.metrics.probes.clear();
        }
    }

    /// Records the verdicts and starts the probes that are due. Returns how long no other probe will be.
    pub async fn round(&mut self) -> Duration {
        let now = self.context.clock.monotonic();
        let candidates = self.state.lock().candidates();
        let decision = if self.prober.is_some() {
            let endpoints = candidates.iter().flat_map(|candidate| &candidate.endpoints);
            let count = endpoints.map(|endpoints| endpoints.ready.len()).sum();
            let decision = self.decide(candidates, now);
            self.context.metrics.probes.endpoints(count, decision.due.len());
            decision
        } else {
            self.context.metrics.probes.endpoints(0, 0);
            Decision::disabled(&candidates)
        };
        self.record(&decision.verdicts, now);
        self.start_due(decision).await
    }

    /// Waits until every probe and every write that was started has ended.
    pub async fn rest(&self) {
        self.tasks.close();
        self.tasks.wait().await;
        self.tasks.reopen();
    }

    fn decide(&self, candidates: Vec<Candidate>, now: Duration) -> Decision {
        let candidates = targets(&self.context, candidates);
        let mut state = self.state.lock();
        for (candidate, target) in &candidates {
            state.note_next_root(candidate, &target.expected);
        }
        Decision::new(&state, &candidates, now)
    }

    fn record(&self, verdicts: &[(NamespacedName, ServingVerdict)], now: Duration) {
        let mut counts: HashMap<ServingReason, usize> = HashMap::new();
        for (name, verdict) in verdicts {
            *counts.entry(verdict.reason).or_default() += 1;
            self.write_verdict(name, verdict, now);
        }
        self.context.metrics.probes.identities(|reason| counts.get(&reason).copied().unwrap_or(0));
    }

    /// Starts probes, within the limits. Returns how long no other will be due.
    async fn start_due(&mut self, decision: Decision) -> Duration {
        let Decision { due, next_due, .. } = decision;
        let waiting = due.len();
        for due in due.into_iter().take(PROBES_A_ROUND) {
            let Ok(permit) = self.permits.clone().try_acquire_owned() else { break };
            if let Err(error) = self.start(due, permit).await {
                tracing::debug!(%error, "an endpoint is not probed");
            }
        }
        let pause = next_due.map_or(MAX_PAUSE, |next| next.min(MAX_PAUSE));
        if waiting > PROBES_A_ROUND { Duration::ZERO } else { pause }
    }

    async fn start(&mut self, due: DueProbe, permit: OwnedSemaphorePermit) -> Result<(), Error> {
        let DueProbe { identity, endpoint, service, target, expected, .. } = due;
        let Some(prober) = self.prober.clone() else { return Ok(()) };
        let ProbeTarget { issuer, root, .. } = &*target;
        let credentials = presented(self.credentials.credentials(issuer, root).await?, &expected);
        let Ok(name) = ServerName::try_from(format!("{service}.{}.svc", identity.namespace)) else {
            return Ok(());
        };
        let server = ProbedEndpoint { address: endpoint.address, name };
        if let Some(known) = self.state.lock().identities.get_mut(&identity) {
            known.in_flight.insert(endpoint.clone());
        }
        let state = self.state.clone();
        let (at, monotonic) = (self.context.clock.now(), self.context.clock.monotonic());
        self.tasks.spawn(async move {
            // A task of its own: a panic in it counts as a server that cannot be reached.
            let probe = tokio::spawn(async move { prober.probe(&server, &credentials).await });
            let observation = probe.await.unwrap_or(Observation::Unreachable);
            let record = ProbeRecord::new(endpoint.address, observation, at, monotonic, expected);
            state.change(|state| state.record(&identity, endpoint, record));
            drop(permit);
        });
        Ok(())
    }

    /// Starts a write of a verdict, where one is needed.
    fn write_verdict(&self, name: &NamespacedName, verdict: &ServingVerdict, monotonic: Duration) {
        let now = self.context.clock.now();
        let write = (self.state.lock().identities.get_mut(name))
            .and_then(|probed| begin_write(probed, verdict, now, monotonic));
        let Some(write) = write else { return };
        let (context, state, name) = (self.context.clone(), self.state.clone(), name.clone());
        self.tasks.spawn(async move {
            if let Err(error) = write_status(&context, &state, &name, write).await {
                tracing::debug!(namespace = name.namespace, name = name.name, %error, "a verdict of probes is not written yet");
            }
            if let Some(probed) = state.lock().identities.get_mut(&name) {
                probed.is_writing = false;
            }
        });
    }
}

/// Only the certificates that servers are expected to accept or to refuse now.
fn presented(credentials: ProbeCredentials, expected: &Expected) -> ProbeCredentials {
    let is_expected = |root: &str| expected.next.as_ref().is_some_and(|next| next.fingerprint == root);
    let next = credentials.next.filter(|(root, _)| is_expected(root));
    let untrusted = credentials.untrusted.filter(|_| !expected.allows_untrusted);
    ProbeCredentials { next, untrusted, ..credentials }
}

async fn write_status(
    context: &Context,
    state: &SharedProbeState,
    NamespacedName { namespace, name }: &NamespacedName,
    (before, patch): StatusWrite,
) -> Result<(), Error> {
    let written = context.client.patch_identity_status(namespace, name, patch).await;
    let is_stale = matches!(written, Err(Error::Stale { .. }));
    let found = match written {
        // Another client has written: the next round judges the object as it is now.
        Err(Error::Stale { .. }) => context.client.read::<MtlsIdentity>(Some(namespace), name).await?,
        written => Some(written?),
    };
    let Some(identity) = found else { return Ok(()) };
    context.scheduler.change(|scheduler| scheduler.apply_identity_answer(&identity, context.millis()));
    state.change_if(|state| {
        if is_stale { state.apply_read(&before, &identity) } else { state.apply_response(&identity) }
    });
    Ok(())
}
