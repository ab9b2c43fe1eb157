//! The loop of the MtlsIdentity controller: bounded workers, each of which reconciles the most urgent identity.
//!
//! A panic ends that reconcile, not the process; without leadership no identity is reconciled.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::task::TaskTracker;

use super::key_generator::KeyGenerator;
use super::reconcile::reconcile;
use crate::operator::client::WRITE_TIMEOUT;
use crate::operator::client::throttle::pause;
use crate::operator::context::Context;
use crate::operator::error::{Error, TaskEnded};
use crate::operator::events::held_back;
use crate::operator::scheduler::held_request::HeldRequest;
use crate::operator::scheduler::requeue::Priority;
use crate::operator::scheduler::workers::WorkerCount;
use crate::operator::scheduler::{ReconcileRequest, Scheduler};
use crate::runtime::leader::Leadership;

/// Deadlines are compared with the wall clock at least this often, so that suspends and clock steps lose nothing.
const SWEEP_EVERY: Duration = Duration::from_secs(30);
/// How long work in flight may take at the end: longer than any write may live, so that none outlives the leadership. The
/// Pod's grace period has to be longer.
const DRAIN_FOR: Duration = WRITE_TIMEOUT.saturating_add(Duration::from_secs(1));

/// The MtlsIdentity controller.
pub struct IdentityController {
    context: Context,
    keys: KeyGenerator,
    leadership: Leadership,
    /// Whether the authorities have been reconciled, so that no status calls one missing that is only not known yet.
    synced: watch::Receiver<bool>,
    permits: Arc<Semaphore>,
    tasks: TaskTracker,
}

impl IdentityController {
    /// A controller of so many workers.
    #[must_use]
    pub fn new(
        context: Context,
        keys: KeyGenerator,
        leadership: Leadership,
        synced: watch::Receiver<bool>,
        workers: impl Into<WorkerCount>,
    ) -> Self {
        let workers = workers.into();
        context.scheduler.change(|scheduler| scheduler.set_workers(workers));
        // The scheduler says how many work.
        let permits = Arc::new(Semaphore::new(workers.most_in_work()));
        Self { context, keys, leadership, synced, permits, tasks: TaskTracker::new() }
    }

    /// Works until this end, then finishes what is in flight.
    ///
    /// # Errors
    /// That of the end; [`TaskEnded`] where the authority controller has ended before it had reconciled every authority.
    pub async fn run(mut self, end: impl Future<Output = Result<(), TaskEnded>>) -> Result<(), TaskEnded> {
        let ended = tokio::select! {
            () = self.dispatch() => Err(TaskEnded),
            ended = end => ended,
        };
        self.drain().await;
        ended
    }

    async fn drain(&self) {
        self.tasks.close();
        if tokio::time::timeout(DRAIN_FOR, self.tasks.wait()).await.is_err() {
            tracing::warn!(left = self.tasks.len(), "stopping although work is in flight");
        }
    }

    async fn dispatch(&mut self) {
        loop {
            self.leadership.until_leader().await;
            if self.synced.wait_for(|synced| *synced).await.is_err() {
                return;
            }
            let Ok(permit) = self.permits.clone().acquire_owned().await else { return };
            if let Some(pause) = self.context.client.throttle().take() {
                self.pause(pause).await;
                continue;
            }
            match self.next() {
                Some(request) => self.start(request, permit),
                None => self.wait().await,
            }
        }
    }

    fn next(&self) -> Option<ReconcileRequest> {
        let now = self.context.millis();
        let mut scheduler = self.context.scheduler.lock();
        scheduler.sweep(now);
        let request = scheduler.next(now);
        scheduler.take_held().into_iter().for_each(|held| self.tell(held));
        if self.leadership.is_leader() {
            let depths = Priority::ALL.map(|priority| (priority, scheduler.queue().depth(priority)));
            self.context.metrics.waiting(depths, scheduler.backoff().len());
            self.context.metrics.workers(scheduler.queue().workers().unwrap_or_default());
        }
        request
    }

    fn tell(&self, held: HeldRequest) {
        let context = self.context.clone();
        self.tasks.spawn(async move { held_back(&context, &held).await });
    }

    /// Until the pause that the API server asks for has passed; what it asks for meanwhile counts from then on.
    async fn pause(&self, pause: Duration) {
        let (clock, throttle) = (&self.context.clock, self.context.client.throttle());
        let mut until = clock.monotonic().saturating_add(pause);
        loop {
            tokio::select! {
                () = clock.sleep(until.saturating_sub(clock.monotonic())) => break,
                () = throttle.asked() => {
                    let pause = throttle.take().unwrap_or_default();
                    until = until.max(clock.monotonic().saturating_add(pause));
                }
            }
        }
        self.context.scheduler.change(Scheduler::start_slowly);
    }

    /// Until the scheduler changes, a deadline comes, a pause is asked for, or it is time for a sweep.
    async fn wait(&self) {
        let deadline = self.context.scheduler.lock().earliest(self.context.millis());
        let deadline = deadline.and_then(|at| Timestamp::from_millisecond(at).ok()).unwrap_or(Timestamp::MAX);
        tokio::select! {
            () = self.context.scheduler.changed() => {}
            () = self.context.client.throttle().asked() => {}
            () = self.context.clock.sleep_until(deadline, SWEEP_EVERY) => {}
        }
    }

    fn start(&self, request: ReconcileRequest, permit: OwnedSemaphorePermit) {
        let (context, keys) = (self.context.clone(), self.keys.clone());
        self.tasks.spawn(async move {
            let (id, namespace, name) = (request.id, request.namespace.clone(), request.name.clone());
            let reconciled = tokio::spawn({
                let context = context.clone();
                async move { reconcile(&context, &keys, request).await }
            });
            let outcome = reconciled.await;
            let has_failed = !matches!(outcome, Ok(Ok(()) | Err(Error::KeyPending)));
            let is_throttled = matches!(&outcome, Ok(Err(error)) if pause(error).is_some());
            match outcome {
                Ok(Ok(()) | Err(Error::NotLeader { .. } | Error::KeyPending)) => {}
                Ok(Err(error)) => log_failure(&context, &namespace, &name, &error),
                Err(panic) => {
                    tracing::error!(%namespace, name, %panic, "a reconcile of an identity panicked");
                }
            }
            let now = context.millis();
            context.scheduler.change(|scheduler| {
                if is_throttled { scheduler.put_back(id, now) } else { scheduler.done(id, has_failed, now) }
            });
            drop(permit);
        });
    }
}

/// What is to be expected when things happen at once is logged at a level that is off by default.
fn log_failure(context: &Context, namespace: &str, name: &str, error: &Error) {
    context.metrics.failed(error);
    match error {
        Error::Stale { .. } | Error::AuthorityPending(_) | Error::Clock(_) => {
            tracing::debug!(namespace, name, %error, "an identity was not reconciled, will try again");
        }
        _ => tracing::warn!(namespace, name, %error, "an identity was not reconciled, will try again"),
    }
}
