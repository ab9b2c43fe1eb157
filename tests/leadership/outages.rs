//! Random outages, restarts and clocks, from a seed: whatever happens, at most one replica leads at any moment.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use test_support::in_memory::leases::{FakeApi, FaultProfile};
use test_support::rng::SeededRng;
use tokio::time::sleep;

use crate::replica::Replica;

const REPLICAS: u64 = 3;
const LOOK_EVERY: Duration = Duration::from_millis(100);
const LOOKS: u64 = 20_000;

/// Random choices of a run: outages, pauses and clocks.
struct Chance(SeededRng);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0.below(limit)
    }

    fn fault(&mut self) -> FaultProfile {
        match self.below(8) {
            0 => FaultProfile::Refused,
            1 => FaultProfile::Lost,
            2 => FaultProfile::AnswerLost,
            3 => FaultProfile::Slow(self.pause(3000), self.pause(300)),
            4 => FaultProfile::Slow(self.pause(8000), self.pause(8000)),
            _ => FaultProfile::NoFault,
        }
    }

    fn pause(&mut self, millis: u64) -> Duration {
        Duration::from_millis(self.below(millis))
    }

    fn wall(&mut self) -> Timestamp {
        let hours = i64::try_from(self.below(20_000)).unwrap();
        Timestamp::from_second(1_900_000_000).unwrap() + SignedDuration::from_hours(hours - 10_000)
    }
}

/// A replica, and under which names it has run: each process has a name of its own.
struct Pod {
    place: u64,
    process: u64,
    replica: Replica,
}

impl Pod {
    fn start(api: &FakeApi, chance: &mut Chance, place: u64, process: u64) -> Self {
        let name = format!("pod-{place}_{process}");
        Self { place, process, replica: Replica::start_at(api, &name, chance.wall()) }
    }

    fn name(&self) -> String {
        format!("pod-{}_{}", self.place, self.process)
    }

    async fn restart(self, api: &FakeApi, chance: &mut Chance) -> Self {
        let (place, process) = (self.place, self.process);
        if chance.below(2) == 0 {
            self.replica.kill().await;
        } else {
            self.replica.stop().await;
        }
        Self::start(api, chance, place, process + 1)
    }
}

/// One run; how many looks found a leader, and how often leadership changed.
async fn run(seed: u64) -> (u64, u64) {
    let (api, mut chance) = (FakeApi::default(), Chance(SeededRng::new(seed)));
    let mut pods: Vec<Pod> = (0..REPLICAS).map(|place| Pod::start(&api, &mut chance, place, 0)).collect();
    let (mut led, mut changes, mut last) = (0, 0, None);
    for _ in 0..LOOKS {
        let leaders: Vec<String> = pods.iter().filter(|pod| pod.replica.leads()).map(Pod::name).collect();
        assert!(leaders.len() <= 1, "seed {seed}: {leaders:?} lead at once");
        if let Some(leader) = leaders.first() {
            led += 1;
            changes += u64::from(last.replace(leader.clone()).as_ref() != Some(leader));
        }
        if chance.below(40) == 0 {
            let at = usize::try_from(chance.below(REPLICAS)).unwrap();
            api.set_faults(&pods[at].name(), chance.fault());
        }
        if chance.below(600) == 0 {
            let at = usize::try_from(chance.below(REPLICAS)).unwrap();
            let pod = pods.remove(at).restart(&api, &mut chance).await;
            pods.insert(at, pod);
        }
        sleep(LOOK_EVERY).await;
    }
    (led, changes)
}

#[tokio::test(start_paused = true)]
async fn two_replicas_never_lead_at_once_under_random_outages() {
    for seed in 0..20 {
        let (led, changes) = run(seed).await;
        assert!(led > LOOKS / 2, "seed {seed}: a replica led only {led} of {LOOKS} times");
        assert!(changes > 10, "seed {seed}: leadership changed {changes} times only");
    }
}
