//! A model of an API server that has so many cores, and of the workers that ask it, in simulated time.
//!
//! Requests share the cores: beyond their number each takes longer, and no more are answered.

use std::num::NonZeroU64;

use mtls_operator::operator::index::IdentityId;
use mtls_operator::operator::index::time::Millis;
use mtls_operator::operator::scheduler::pacing::Pacing;
use mtls_operator::operator::scheduler::place::Place;
use mtls_operator::operator::scheduler::queue::Queue;
use mtls_operator::operator::scheduler::requeue::Priority;
use mtls_operator::operator::scheduler::workers::WorkerCount;

const START: Millis = 1_780_000_000_000;
/// What a millisecond of a core is worth.
const TICK: u64 = 1000;

/// What waits of one kind, as long as the model runs.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    pub priority: Priority,
    /// It is in one of so many namespaces.
    pub namespaces: u64,
    /// One comes so often; without it there is always another one.
    pub every: Option<Millis>,
    /// Milliseconds of a core that one takes.
    pub work: u64,
    /// Milliseconds that one waits for a webhook before it is answered.
    pub hangs: Millis,
    /// The second since 1970 at which its leaf ends.
    pub ends: i64,
}

impl Load {
    /// There is always another one, of many namespaces.
    pub const fn mass(priority: Priority, work: u64) -> Self {
        Self { priority, namespaces: 50, every: None, work, hangs: 0, ends: i64::MAX / 1000 }
    }
}

#[derive(Clone, Copy, Debug)]
struct Request {
    id: u32,
    load: usize,
    came: Millis,
    answered_from: Millis,
    left: u64,
}

/// The workers and the API server.
pub struct Model {
    pub queue: Queue,
    pub cores: u64,
    loads: Vec<Load>,
    now: Millis,
    last_id: u32,
    came: Vec<(u32, usize, Millis)>,
    in_flight: Vec<Request>,
    /// How long each request took from when it came, by its load.
    pub took: Vec<Vec<Millis>>,
}

impl Model {
    pub fn new(workers: impl Into<WorkerCount>, cores: u64, loads: &[Load]) -> Self {
        let (mut queue, workers) = (Queue::default(), workers.into());
        queue.set_workers(workers);
        queue.set_pacing(Pacing::of(workers.renewals()));
        Self {
            queue,
            cores,
            loads: loads.to_vec(),
            now: START,
            last_id: 0,
            came: Vec::new(),
            in_flight: Vec::new(),
            took: vec![Vec::new(); loads.len()],
        }
    }

    /// Workers in use.
    pub fn workers(&self) -> usize {
        self.queue.workers().unwrap()
    }

    /// From now on each request takes so many times as much work.
    pub fn slow_down(&mut self, times: u64) {
        self.loads.iter_mut().for_each(|load| load.work *= times);
    }

    /// What is answered in so many seconds: how long each took, by its load.
    pub fn run(&mut self, seconds: i64) -> Vec<Vec<Millis>> {
        self.took = vec![Vec::new(); self.loads.len()];
        for _ in 0..seconds * 1000 {
            self.come();
            self.begin();
            self.serve();
            self.now += 1;
            self.answer();
        }
        self.took.clone()
    }

    fn come(&mut self) {
        for load in 0..self.loads.len() {
            let Load { priority, every, .. } = self.loads[load];
            match every {
                Some(every) if (self.now - START) % every == every / 2 => self.push(load),
                Some(_) => {}
                None => (self.queue.depth(priority)..100).for_each(|_| self.push(load)),
            }
        }
    }

    fn push(&mut self, load: usize) {
        let (Load { priority, namespaces, ends, .. }, id) = (self.loads[load], self.last_id);
        self.last_id += 1;
        let namespace = 1000 * (load as u64 + 1) + u64::from(id) % namespaces;
        let namespace = NonZeroU64::new(namespace).unwrap();
        self.queue.push(IdentityId::new(id), Place { priority, has_failed: false, urgency: ends, namespace });
        self.came.push((id, load, self.now));
    }

    fn begin(&mut self) {
        while let Some((id, _)) = self.queue.pop(self.now) {
            let at = self.came.iter().position(|(came, ..)| *came as usize == id.slot()).unwrap();
            let (id, load, came) = self.came.swap_remove(at);
            let Load { work, hangs, .. } = self.loads[load];
            // A third more or less: no two requests are alike.
            let work = work * TICK * (67 + u64::from(id.wrapping_mul(2_654_435_761) >> 20) % 67) / 100;
            self.in_flight.push(Request { id, load, came, answered_from: self.now + hangs, left: work });
        }
    }

    fn serve(&mut self) {
        let served = self.in_flight.iter().filter(|request| request.left > 0).count() as u64;
        let share = (TICK * self.cores).checked_div(served).unwrap_or_default().min(TICK);
        self.in_flight.iter_mut().for_each(|request| request.left = request.left.saturating_sub(share));
    }

    fn answer(&mut self) {
        let now = self.now;
        let answered =
            self.in_flight.extract_if(.., |request| request.left == 0 && request.answered_from <= now);
        for request in answered.collect::<Vec<_>>() {
            let id = IdentityId::new(request.id);
            self.queue.answered(id, false, now);
            self.queue.done(id, now);
            self.took[request.load].push(now - request.came);
        }
    }
}

/// The time within which so many of a hundred were answered.
pub fn percentile(took: &[Millis], percent: usize) -> Millis {
    let mut took = took.to_vec();
    took.sort_unstable();
    took[(took.len() - 1) * percent / 100]
}
