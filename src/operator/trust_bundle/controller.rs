//! Brings the trust bundle of each authority to where its spec says, at once, and takes it away from where it says so no
//! more. Level-triggered: each round compares everything, and asks nothing of anybody where all is as it should be.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::{Id, JoinSet};

use super::apply::deliver;
use super::targets::{Change, agenda};
use crate::operator::context::Context;
use crate::operator::index::time::Millis;
use crate::plan::trust_bundle::decide::Target;
use crate::runtime::leader::Leadership;

/// Errands that are run at once.
const AT_ONCE: usize = 8;
/// Errands that follow from one comparison: so many that comparing costs little, and so few that they are not out of date.
const BATCH: usize = 256;
/// The clock may be set while the distributor sleeps: it wakes at least this often.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// The distributor.
pub struct TrustBundleController {
    context: Context,
    leadership: Leadership,
    /// True once every authority that was listed has been looked at by this leader.
    primed: watch::Receiver<bool>,
    errands: VecDeque<Change>,
    running: JoinSet<()>,
    /// The places at which an errand is under way.
    busy: HashMap<Id, Target>,
}

impl TrustBundleController {
    /// A distributor of these bundles.
    #[must_use]
    pub fn new(context: Context, leadership: Leadership, primed: watch::Receiver<bool>) -> Self {
        let (errands, running) = (VecDeque::new(), JoinSet::new());
        Self { context, leadership, primed, errands, running, busy: HashMap::new() }
    }

    /// Distributes, as long as this replica leads; waits otherwise. Ends only when nobody keeps authorities any more.
    pub async fn run(mut self) {
        loop {
            self.leadership.until_leader().await;
            if self.primed.wait_for(|primed| *primed).await.is_err() {
                return;
            }
            let next = if self.errands.is_empty() { self.compare() } else { None };
            while self.busy.len() < AT_ONCE
                && let Some(errand) = self.errands.pop_front()
            {
                self.start(errand);
            }
            self.wait(next).await;
        }
    }

    /// Compares what shall be with what is. Returns when there may be more to do by time alone.
    fn compare(&mut self) -> Option<Millis> {
        let context = &self.context;
        let asks = |name: &String| {
            context.authorities.get(name).is_some_and(|service| service.terms.publication.cluster().is_some())
        };
        context.bundles.ask_for_cluster(context.authorities.names().iter().any(asks));
        let agenda = agenda(context);
        let is_idle = |errand: &Change| !self.busy.values().any(|place| *place == errand.place);
        self.errands.extend(agenda.errands.into_iter().filter(is_idle).take(BATCH));
        agenda.next
    }

    fn start(&mut self, errand: Change) {
        let (context, place) = (self.context.clone(), errand.place.clone());
        let started = self.running.spawn(async move { deliver(&context, &errand).await });
        self.busy.insert(started.id(), place);
    }

    /// Until something changes, an errand ends, or time alone makes something due.
    async fn wait(&mut self, next: Option<Millis>) {
        let next = next.and_then(|at| Timestamp::from_millisecond(at).ok()).unwrap_or(Timestamp::MAX);
        let ended = tokio::select! {
            Some(ended) = self.running.join_next_with_id() => ended,
            () = self.context.bundles.changed() => return,
            () = self.context.clock.sleep_until(next, LONGEST_SLEEP) => return,
        };
        let id = match ended {
            Ok((id, ())) => id,
            Err(panic) => {
                tracing::error!(%panic, "an errand for a trust bundle broke off");
                panic.id()
            }
        };
        self.busy.remove(&id);
    }
}
