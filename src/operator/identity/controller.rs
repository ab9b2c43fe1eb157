//! Bounded workers. Each takes the most urgent identity, looks at it, and puts the outcome on the board. A panic ends
//! that look, not the process; without leadership nobody works.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::task::TaskTracker;

use super::reconcile::reconcile;
use crate::operator::client::WRITE_TIMEOUT;
use crate::operator::context::Context;
use crate::operator::error::Error;
use crate::operator::run::TaskEnded;
use crate::operator::scheduler::ReconcileRequest;
use crate::operator::scheduler::requeue::Priority;
use crate::runtime::leader::Leadership;

/// Deadlines are compared with the wall clock at least this often, so that suspends and clock steps lose nothing.
const SWEEP_EVERY: Duration = Duration::from_secs(30);
/// How long work in flight may take at the end: longer than any write may live, so that none outlives the leadership. The
/// Pod's grace period has to be longer.
const DRAIN_FOR: Duration = WRITE_TIMEOUT.saturating_add(Duration::from_secs(1));

/// The workers.
pub struct IdentityController {
    context: Context,
    leadership: Leadership,
    /// Whether the authorities have been looked at, so that nobody is told of one that is only not known yet.
    primed: watch::Receiver<bool>,
    permits: Arc<Semaphore>,
    tasks: TaskTracker,
}

impl IdentityController {
    /// So many workers.
    #[must_use]
    pub fn new(
        context: Context,
        leadership: Leadership,
        primed: watch::Receiver<bool>,
        count: usize,
    ) -> Self {
        let permits = Arc::new(Semaphore::new(count));
        Self { context, leadership, primed, permits, tasks: TaskTracker::new() }
    }

    /// Works until this end, then finishes what is in flight.
    ///
    /// # Errors
    /// That of the end; [`TaskEnded`] where the keeper has ended before it had looked at every authority.
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
            if self.primed.wait_for(|primed| *primed).await.is_err() {
                return;
            }
            let Ok(permit) = self.permits.clone().acquire_owned().await else { return };
            match self.next() {
                Some(job) => self.start(job, permit),
                None => self.wait().await,
            }
        }
    }

    fn next(&self) -> Option<ReconcileRequest> {
        let now = self.context.millis();
        let mut board = self.context.board.lock();
        board.sweep(now);
        let job = board.take(now);
        if self.leadership.is_leader() {
            let depths = Priority::ALL.map(|class| (class, board.queue().depth(class)));
            self.context.metrics.waiting(depths, board.retries().len());
        }
        job
    }

    /// Until the board changes, a deadline comes, or it is time for a sweep.
    async fn wait(&self) {
        let deadline = self.context.board.lock().earliest(self.context.millis());
        let deadline = deadline.and_then(|at| Timestamp::from_millisecond(at).ok()).unwrap_or(Timestamp::MAX);
        tokio::select! {
            () = self.context.board.changed() => {}
            () = self.context.clock.sleep_until(deadline, SWEEP_EVERY) => {}
        }
    }

    fn start(&self, job: ReconcileRequest, permit: OwnedSemaphorePermit) {
        let context = self.context.clone();
        self.tasks.spawn(async move {
            let (id, namespace, name) = (job.id, job.namespace.clone(), job.name.clone());
            let look = tokio::spawn({
                let context = context.clone();
                async move { reconcile(&context, job).await }
            });
            let outcome = look.await;
            let has_failed = !matches!(outcome, Ok(Ok(()) | Err(Error::KeyPending)));
            match outcome {
                Ok(Ok(()) | Err(Error::NotLeader { .. } | Error::KeyPending)) => {}
                Ok(Err(error)) => tell(&context, &namespace, &name, &error),
                Err(panic) => tracing::error!(%namespace, name, %panic, "a look at an identity broke off"),
            }
            let now = context.millis();
            context.board.change(|board| board.done(id, has_failed, now));
            drop(permit);
        });
    }
}

/// What is to be expected when things happen at once is told to those who look closely.
fn tell(context: &Context, namespace: &str, name: &str, error: &Error) {
    context.metrics.failed(error);
    match error {
        Error::Stale { .. } | Error::AuthorityPending(_) | Error::Clock(_) => {
            tracing::debug!(namespace, name, %error, "looked in vain, will look again");
        }
        _ => tracing::warn!(namespace, name, %error, "looked in vain, will look again"),
    }
}
