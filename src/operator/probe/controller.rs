//! Looks at endpoints when they are due, while this replica leads: a few at a time, a few a second; and writes what
//! they amount to into the status of their identities, seldom.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;

use super::credentials::{CredentialCache, ProbeCredentials};
use super::endpoint_probe::{Endpoint, EndpointProber};
use super::endpoint_slices::{Endpoints, Name};
use super::expectation::{ProbeTarget, outlook};
use super::status;
use super::store::{ProbeState, ProbedIdentity, Target};
use super::verdicts::{disabled, found, judge};
use crate::api::MtlsIdentity;
use crate::api::probe::ProbeSpec;
use crate::operator::client::merge_patch::status_patch;
use crate::operator::context::Context;
use crate::operator::error::Error;
use crate::plan::probe::observation::Observation;
use crate::plan::probe::schedule::{self, ProbeRecord};
use crate::plan::probe::verdict::{Expected, ServingReason, ServingVerdict};
use crate::runtime::leader::Leadership;
use crate::runtime::readiness::Readiness;

/// Endpoints looked at at once.
const AT_ONCE: usize = 32;
/// Looks begun in one round, and how far rounds are apart at least: 50 a second.
const A_ROUND: usize = 10;
const ROUND: Duration = Duration::from_millis(200);
/// The longest pause between two rounds.
const LONGEST: Duration = Duration::from_secs(10);
/// The status of an identity is written this often at most.
const WRITE_EVERY: Duration = Duration::from_secs(10);

/// The prober.
pub struct ProbeController {
    context: Context,
    /// How servers are looked at; `None` where the operator is not to.
    visitor: Option<EndpointProber>,
    wallet: CredentialCache,
    permits: Arc<Semaphore>,
    tasks: TaskTracker,
}

/// A look that is due.
struct Due {
    at: Duration,
    name: Name,
    target: Target,
    service: String,
    outlook: Arc<ProbeTarget>,
    expected: Expected,
}

impl ProbeController {
    /// A prober that looks in this way, or one that only says that it does not.
    #[must_use]
    pub fn new(context: Context, visitor: Option<EndpointProber>) -> Self {
        let wallet = CredentialCache::new(context.clone());
        let permits = Arc::new(Semaphore::new(AT_ONCE));
        Self { context, visitor, wallet, permits, tasks: TaskTracker::new() }
    }

    /// Probes, as long as this replica leads; waits otherwise. What is not listed yet is not judged. Ends never.
    pub async fn run(mut self, mut leadership: Leadership, listed: Readiness) {
        listed.ready().await;
        loop {
            leadership.until_leader().await;
            self.context.probes.forget();
            while leadership.is_leader() {
                let pause = self.round().await;
                self.context.clock.sleep(ROUND).await;
                tokio::select! {
                    () = self.context.probes.changed() => {}
                    () = self.context.clock.sleep(pause) => {}
                }
            }
            self.context.metrics.probes.clear();
        }
    }

    /// Begins what is due. Returns how long nothing more will be.
    pub async fn round(&mut self) -> Duration {
        self.forget_strangers();
        let (mut due, next) = self.survey();
        due.sort_by_key(|one| one.at);
        let waiting = due.len();
        for one in due.into_iter().take(A_ROUND) {
            let Ok(permit) = self.permits.clone().try_acquire_owned() else { break };
            if let Err(error) = self.begin(one, permit).await {
                tracing::debug!(%error, "an endpoint is not looked at");
            }
        }
        if waiting > A_ROUND { Duration::ZERO } else { next }
    }

    /// Waits until every look that was begun has ended, and what it amounts to is written.
    pub async fn rest(&self) {
        self.tasks.close();
        self.tasks.wait().await;
        self.tasks.reopen();
    }

    /// Identities that are gone. A list tells nobody of them but the index.
    fn forget_strangers(&self) {
        let known =
            |(namespace, name): &Name| self.context.board.lock().index().find(namespace, name).is_some();
        self.context.probes.keep(known);
    }

    /// What is due, and when the next will be; on the way, writes what has come to light.
    fn survey(&self) -> (Vec<Due>, Duration) {
        let now = self.context.clock.monotonic();
        let (mut due, mut next, mut all) = (Vec::new(), LONGEST, 0);
        let mut counts: HashMap<ServingReason, usize> = HashMap::new();
        let mut memory = self.context.probes.lock();
        let ProbeState { wards, slices } = &mut *memory;
        for (name, ward) in wards {
            if self.visitor.is_none() {
                self.conclude(name, ward, &disabled(), now);
                *counts.entry(ServingReason::Disabled).or_default() += 1;
                continue;
            }
            let found = found(&ward.identity, slices);
            ward.looks.retain(|target, _| {
                found.iter().any(|(probe, endpoints)| {
                    probe.name == target.probe && endpoints.ready.contains(&target.address)
                })
            });
            all += found.iter().map(|(_, endpoints)| endpoints.ready.len()).sum::<usize>();
            let Some(outlook) = outlook(&self.context, ward).map(Arc::new) else { continue };
            for (probe, endpoints) in &found {
                next = next.min(begin_due(&mut due, name, ward, (probe, endpoints), &outlook, now));
            }
            if let Some(verdict) = judge(ward, &found, &outlook) {
                *counts.entry(verdict.reason).or_default() += 1;
                self.conclude(name, ward, &verdict, now);
            }
        }
        drop(memory);
        self.context.metrics.probes.identities(|reason| counts.get(&reason).copied().unwrap_or(0));
        self.context.metrics.probes.endpoints(all, due.len());
        (due, next)
    }

    /// Begins a look at an endpoint.
    async fn begin(&mut self, due: Due, permit: OwnedSemaphorePermit) -> Result<(), Error> {
        let Due { name, target, service, outlook, expected, .. } = due;
        let Some(visitor) = self.visitor.clone() else { return Ok(()) };
        let ProbeTarget { service: authority, root, .. } = &*outlook;
        let cards = shown(self.wallet.cards(authority, root).await?, &expected);
        let Ok(called) = ServerName::try_from(format!("{service}.{}.svc", name.0)) else { return Ok(()) };
        let place = Endpoint { address: target.address, name: called };
        if let Some(ward) = self.context.probes.lock().wards.get_mut(&name) {
            ward.in_sight.insert(target.clone());
        }
        let context = self.context.clone();
        let (at, monotonic) = (context.clock.now(), context.clock.monotonic());
        self.tasks.spawn(async move {
            let looking = tokio::spawn(async move { visitor.look(&place, &cards).await });
            let sighting = looking.await.unwrap_or(Observation::Unreachable);
            let look = ProbeRecord::new(sighting, at, monotonic, expected);
            remember(&context, &name, target, look);
            drop(permit);
        });
        Ok(())
    }

    /// Writes a verdict, if status says otherwise and was not written just now.
    fn conclude(&self, name: &Name, ward: &mut ProbedIdentity, verdict: &ServingVerdict, now: Duration) {
        let is_early = ward.written.is_some_and(|written| now.saturating_sub(written) < WRITE_EVERY);
        if is_early || ward.is_writing {
            return;
        }
        let identity = ward.identity.clone();
        let version = identity.metadata.resource_version.as_deref();
        if ward.settled.as_ref().is_some_and(|(as_of, known)| as_of.as_deref() == version && known == verdict)
        {
            return;
        }
        let after = status::after(&identity, verdict, self.context.clock.now());
        let Some(patch) = status_patch(version, identity.status.as_ref(), &after) else {
            ward.settled = Some((identity.metadata.resource_version.clone(), verdict.clone()));
            return;
        };
        ward.is_writing = true;
        ward.written = Some(now);
        let (context, name) = (self.context.clone(), name.clone());
        self.tasks.spawn(async move {
            if let Err(error) = write(&context, &name, &identity, patch).await {
                tracing::debug!(namespace = name.0, name = name.1, %error, "what was seen is not written yet");
            }
            if let Some(ward) = context.probes.lock().wards.get_mut(&name) {
                ward.is_writing = false;
            }
        });
    }
}

/// Adds the endpoints of a probe that are due. Returns how long no other will be.
fn begin_due(
    due: &mut Vec<Due>,
    name: &Name,
    ward: &ProbedIdentity,
    (probe, endpoints): (&ProbeSpec, &Endpoints),
    outlook: &Arc<ProbeTarget>,
    now: Duration,
) -> Duration {
    let (expected, mut next) = (outlook.expects(probe), LONGEST);
    for address in &endpoints.ready {
        let target = Target { probe: probe.name.clone(), address: *address };
        if ward.in_sight.contains(&target) {
            continue;
        }
        let at = ward
            .looks
            .get(&target)
            .map_or(Duration::ZERO, |look| schedule::due(&address.to_string(), look, &expected));
        if at > now {
            next = next.min(at.saturating_sub(now));
            continue;
        }
        let (name, service, expected) = (name.clone(), probe.service_name.clone(), expected.clone());
        due.push(Due { at, name, target, service, outlook: outlook.clone(), expected });
    }
    next
}

/// Only what servers have to take or to refuse now.
fn shown(cards: ProbeCredentials, expected: &Expected) -> ProbeCredentials {
    let next =
        cards.next.filter(|(root, _)| expected.next.as_ref().is_some_and(|next| next.fingerprint == *root));
    let stranger = cards.stranger.filter(|_| !expected.allows_strangers);
    ProbeCredentials { next, stranger, ..cards }
}

fn remember(context: &Context, name: &Name, target: Target, look: ProbeRecord) {
    if let Some(ward) = context.probes.lock().wards.get_mut(name) {
        ward.in_sight.remove(&target);
        let look = match ward.looks.get(&target) {
            Some(before) => look.after(before),
            None => look,
        };
        ward.looks.insert(target, look);
    }
    context.probes.ring();
}

async fn write(
    context: &Context,
    name: &Name,
    before: &MtlsIdentity,
    patch: serde_json::Value,
) -> Result<(), Error> {
    let written = context.requests.patch_identity_status(&name.0, &name.1, patch).await;
    let is_stale = matches!(written, Err(Error::Stale { .. }));
    let found = match written {
        // Somebody else has written: the next round judges by what is there now.
        Err(Error::Stale { .. }) => context.requests.read::<MtlsIdentity>(Some(&name.0), &name.1).await?,
        written => Some(written?),
    };
    let Some(identity) = found else { return Ok(()) };
    context.board.change(|board| board.apply_identity_answer(&identity, context.millis()));
    if is_stale {
        context.probes.asked_again(before, &identity);
    } else {
        context.probes.saw(&identity);
    }
    Ok(())
}
