//! Workers that take from a queue, in simulated time: who waits from when, how long its work takes, whether it comes again.

use std::collections::BTreeSet;

use mtls_operator::operator::index::IdentityId;
use mtls_operator::operator::index::digest::Digest;
use mtls_operator::operator::index::time::Millis;
use mtls_operator::operator::scheduler::pacing::Pacing;
use mtls_operator::operator::scheduler::place::Place;
use mtls_operator::operator::scheduler::queue::Queue;
use mtls_operator::operator::scheduler::requeue::Priority;
use mtls_operator::operator::scheduler::workers::WorkerCount;

/// When every simulation begins.
pub const START: Millis = 1_780_000_000_000;

/// One identity.
#[derive(Clone, Copy, Debug)]
pub struct Task {
    pub namespace: u64,
    pub priority: Priority,
    /// From when on it waits, after the start.
    pub from: Millis,
    /// The end of its leaf, after the start.
    pub end: Millis,
    /// How long its work takes.
    pub takes: Millis,
    /// Whether its work fails.
    pub fails: bool,
    /// How long after its work it waits again, if it does.
    pub again: Option<Millis>,
}

impl Task {
    /// A renewal that succeeds.
    pub const fn renewal(namespace: u64, from: Millis, end: Millis, takes: Millis) -> Self {
        Self { namespace, priority: Priority::Due, from, end, takes, fails: false, again: None }
    }

    /// Its first certificate, at once, which succeeds.
    pub const fn new(namespace: u64, from: Millis, takes: Millis) -> Self {
        Self { priority: Priority::New, ..Self::renewal(namespace, from, from, takes) }
    }

    fn place(&self, has_failed: bool) -> Place {
        let urgency = (START + self.end).div_euclid(1000);
        Place {
            priority: self.priority,
            has_failed,
            urgency,
            namespace: Digest::new(self.namespace).unwrap(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Ends(u32),
    Waits(u32),
}

/// The workers at work.
pub struct Simulation {
    queue: Queue,
    tasks: Vec<Task>,
    attempts: Vec<u32>,
    events: BTreeSet<(Millis, Event)>,
    now: Millis,
    /// When the work of each task ended first, after the start.
    pub ended: Vec<Option<Millis>>,
    /// The most that were in work at the same time.
    pub most: usize,
}

impl Simulation {
    /// So many workers with these tasks, paced as those of the operator are.
    pub fn of(workers: impl Into<WorkerCount>, tasks: &[Task]) -> Self {
        let (mut queue, workers) = (Queue::default(), workers.into());
        queue.set_workers(workers);
        queue.set_pacing(Pacing::of(workers.renewals()));
        let events = (0..).zip(tasks).map(|(id, task)| (START + task.from, Event::Waits(id)));
        Self {
            queue,
            events: events.collect(),
            now: START,
            attempts: vec![0; tasks.len()],
            ended: vec![None; tasks.len()],
            tasks: tasks.to_vec(),
            most: 0,
        }
    }

    /// Works for so long.
    pub fn run(mut self, length: Millis) -> Self {
        loop {
            let turn = self.queue.next_turn(self.now);
            let event = self.events.first().map(|(at, _)| *at);
            let Some(next) = turn.into_iter().chain(event).min().filter(|at| *at < START + length) else {
                return self;
            };
            self.now = next.max(self.now);
            while let Some((_, event)) = self.events.first().copied().filter(|(at, _)| *at <= self.now) {
                self.events.pop_first();
                self.happen(event);
            }
            while let Some((id, _)) = self.queue.pop(self.now) {
                let id = u32::try_from(id.slot()).unwrap();
                self.events.insert((self.now + self.task(id).takes, Event::Ends(id)));
            }
            self.most = self.most.max(self.queue.in_work());
        }
    }

    /// How often a task has failed.
    pub fn attempts(&self, task: usize) -> u32 {
        self.attempts[task]
    }

    fn task(&self, id: u32) -> Task {
        self.tasks[id as usize]
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Waits(id) => {
                let place = self.task(id).place(self.attempts[id as usize] > 0);
                self.queue.push(IdentityId::new(id), place);
            }
            Event::Ends(id) => self.end(id),
        }
    }

    fn end(&mut self, id: u32) {
        let (at, task) = (id as usize, self.task(id));
        self.queue.answered(IdentityId::new(id), task.fails, self.now);
        self.queue.done(IdentityId::new(id), self.now);
        self.ended[at].get_or_insert(self.now - START);
        self.attempts[at] = if task.fails { self.attempts[at] + 1 } else { 0 };
        if let Some(pause) = task.again {
            self.events.insert((self.now + pause, Event::Waits(id)));
        }
    }
}
