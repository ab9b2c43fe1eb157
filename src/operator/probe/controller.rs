//! Probes endpoints when they are due, while this replica leads: a few at once, a few a second. Writes the verdicts into the
//! status of their identities.
//!
//! A round observes, decides (`decision`, which only computes), records verdicts and starts probes, in that order. Locks are
//! held one at a time and never across an await.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;

use super::candidates::{Candidate, Sweep};
use super::credentials::{CredentialCache, ProbeCredentials};
use super::endpoint_probe::{EndpointProber, ProbedEndpoint};
use super::endpoint_records::EndpointKey;
use super::expectation::{ProbeTarget, target};
use super::store::SharedProbeState;
use super::verdict_writer::VerdictWriter;
use crate::operator::context::Context;
use crate::operator::error::Error;
use crate::plan::probe::observation::Observation;
use crate::plan::probe::rate::{ProbeRate, ROUND};
use crate::plan::probe::schedule::ProbeRecord;
use crate::plan::probe::verdict::Expected;
use crate::runtime::leader::Leadership;
use crate::runtime::readiness::Readiness;

/// The longest pause between two rounds.
const MAX_PAUSE: Duration = Duration::from_secs(10);
/// How long an endpoint waits that could not be probed.
const PUT_BACK_FOR: Duration = Duration::from_secs(1);
/// Identities that are judged while the state is locked once.
const LOCKED_FOR: usize = 64;

/// The controller of probes.
pub struct ProbeController {
    context: Context,
    state: SharedProbeState,
    /// How servers are probed; `None` where the operator does not probe.
    prober: Option<EndpointProber>,
    credentials: CredentialCache,
    permits: Arc<Semaphore>,
    writer: VerdictWriter,
    sweep: Sweep,
    /// When overdue endpoints were counted last.
    overdue_at: Option<Duration>,
    tasks: TaskTracker,
}

impl ProbeController {
    /// A controller that probes with this prober; without one it only states that it does not probe.
    #[must_use]
    pub fn new(context: Context, state: SharedProbeState, prober: Option<EndpointProber>) -> Self {
        let credentials = CredentialCache::new(context.clone());
        let permits = Arc::new(Semaphore::new(ProbeRate::MAX.at_once));
        let writer = VerdictWriter::new(context.clone(), state.clone());
        let (sweep, tasks) = (Sweep::default(), TaskTracker::new());
        Self { context, state, prober, credentials, permits, writer, sweep, overdue_at: None, tasks }
    }

    /// Probes while this replica leads, once the watches have listed everything. Never ends.
    pub async fn run(mut self, mut leadership: Leadership, listed: Readiness) {
        listed.ready().await;
        loop {
            leadership.until_leader().await;
            self.state.lock().clear_observations();
            while leadership.is_leader() {
                let pause = self.round().await;
                self.context.clock.sleep(ROUND).await;
                tokio::select! {
                    () = self.state.changed() => {}
                    () = self.context.clock.sleep(pause) => {}
                }
            }
            self.context.metrics.probes.clear();
        }
    }

    /// Judges what has changed, writes verdicts and starts the probes that are due. Returns how long there will be no more to do.
    pub async fn round(&mut self) -> Duration {
        let now = self.context.clock.monotonic();
        let candidates = self.state.lock().take_candidates(&mut self.sweep, now);
        for some in candidates.chunks(LOCKED_FOR) {
            self.decide(some, now);
        }
        let rate = ProbeRate::for_endpoints(self.count(now));
        self.writer.start_writes(now, &self.tasks);
        self.start_due(rate, now).await;
        self.state.lock().next_due().map_or(MAX_PAUSE, |next| next.saturating_sub(now).min(MAX_PAUSE))
    }

    /// Waits until every probe and every write that was started has ended.
    pub async fn rest(&self) {
        self.tasks.close();
        self.tasks.wait().await;
        self.tasks.reopen();
    }

    /// Decides on some identities. What they are expected to be like is found out before the state is locked.
    fn decide(&self, candidates: &[Candidate], now: Duration) {
        if self.prober.is_none() {
            let mut state = self.state.lock();
            return candidates.iter().for_each(|candidate| state.disable(candidate));
        }
        let targets: Vec<Option<ProbeTarget>> =
            candidates.iter().map(|candidate| target(&self.context, candidate)).collect();
        let mut state = self.state.lock();
        for (candidate, target) in candidates.iter().zip(&targets) {
            state.decide(candidate, target.as_ref().map(|target| &target.expected), now);
        }
    }

    /// Sets the metrics. Returns how many endpoints there are.
    fn count(&mut self, now: Duration) -> usize {
        let is_time = self.overdue_at.is_none_or(|at| now.saturating_sub(at) >= MAX_PAUSE);
        let (endpoints, waiting, reasons, overdue) = {
            let state = self.state.lock();
            let overdue = is_time.then(|| state.overdue(now));
            (state.endpoints(), state.waiting(now), state.reasons().clone(), overdue)
        };
        let metrics = &self.context.metrics.probes;
        metrics.identities(|reason| reasons.get(reason));
        metrics.endpoints(endpoints, waiting);
        if let Some(overdue) = overdue {
            self.overdue_at = Some(now);
            metrics.overdue(overdue);
        }
        endpoints
    }

    /// Starts probes, within the limits.
    async fn start_due(&mut self, rate: ProbeRate, now: Duration) {
        let Some(prober) = self.prober.clone() else { return };
        // Authorities without credentials: they are asked for once in a round.
        let mut failed: Vec<Box<str>> = Vec::new();
        for _ in 0..rate.a_round {
            if ProbeRate::MAX.at_once - self.permits.available_permits() >= rate.at_once {
                return;
            }
            let Ok(permit) = self.permits.clone().try_acquire_owned() else { return };
            let Some((candidate, key)) = self.state.lock().take_due(now, rate.at_once) else { return };
            let has_failed = failed.contains(&candidate.object.authority);
            let is_started = !has_failed
                && match self.start(&prober, &candidate, &key, permit).await {
                    Ok(is_started) => is_started,
                    Err(error) => {
                        tracing::debug!(%error, "an endpoint is not probed");
                        failed.push(candidate.object.authority.clone());
                        false
                    }
                };
            if !is_started {
                self.state.lock().put_back(&candidate.name, key, now.saturating_add(PUT_BACK_FOR));
            }
        }
    }

    /// Starts a probe. False where the endpoint cannot be probed now.
    async fn start(
        &mut self,
        prober: &EndpointProber,
        candidate: &Candidate,
        key: &EndpointKey,
        permit: OwnedSemaphorePermit,
    ) -> Result<bool, Error> {
        let found = target(&self.context, candidate).zip(candidate.object.probe(&key.probe));
        let Some((target, probe)) = found else { return Ok(false) };
        let expected = probe.expected(&target.expected);
        let credentials =
            presented(self.credentials.credentials(&target.issuer, &target.root).await?, &expected);
        let name = candidate.name.clone();
        let Ok(server_name) = ServerName::try_from(format!("{}.{}.svc", probe.service, name.namespace))
        else {
            return Ok(false);
        };
        let server = ProbedEndpoint { address: key.address, name: server_name };
        let (state, prober, key) = (self.state.clone(), prober.clone(), key.clone());
        let (at, monotonic) = (self.context.clock.now(), self.context.clock.monotonic());
        self.tasks.spawn(async move {
            // A task of its own: a panic in it counts as a server that cannot be reached.
            let probe = tokio::spawn(async move { prober.probe(&server, &credentials).await });
            let observation = probe.await.unwrap_or(Observation::Unreachable);
            let record = ProbeRecord::new(key.address, observation, at, monotonic, &expected);
            state.change(|state| state.record(&name, &key, record));
            drop(permit);
        });
        Ok(true)
    }
}

/// Only the certificates that servers are expected to accept or to refuse now.
fn presented(credentials: ProbeCredentials, expected: &Expected) -> ProbeCredentials {
    let is_expected = |root: &str| expected.next.as_ref().is_some_and(|next| next.fingerprint == root);
    let next = credentials.next.filter(|(root, _)| is_expected(root));
    let untrusted = credentials.untrusted.filter(|_| !expected.allows_untrusted);
    ProbeCredentials { next, untrusted, ..credentials }
}
