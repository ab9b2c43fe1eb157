//! Handshakes between all pairs, round after round, and their count.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use test_support::rng::SEED;
use test_support::wait::until;

use crate::consumer::{Consumer, shake_hands};

/// So many failures of each class are reported.
const TOLD: u64 = 5;

/// Class of a pair: the stack of the client, that of the server, and whether one of them loads its trust bundle only once a
/// rotation.
type Class = (&'static str, &'static str, bool);

/// Handshakes of one class.
#[derive(Clone, Copy, Default)]
struct Count {
    attempted: u64,
    failed: u64,
}

/// A period whose handshakes are counted by themselves.
struct Period {
    name: String,
    /// Handshakes that began in it.
    begun: u64,
    /// The pairs that began them, by their numbers.
    pairs: BTreeSet<usize>,
}

/// The count of all handshakes.
#[derive(Default)]
pub struct Counts {
    classes: BTreeMap<Class, Count>,
    /// How many pairs there are.
    pub pairs: usize,
    periods: Vec<Period>,
    /// The first failures of each class.
    pub failures: Vec<String>,
}

impl Counts {
    fn take(&mut self, class: Class, failure: Option<String>) {
        let count = self.classes.entry(class).or_default();
        count.attempted += 1;
        if let Some(failure) = failure {
            count.failed += 1;
            if count.failed <= TOLD {
                self.failures.push(failure);
            }
        }
    }

    /// Classes of pairs that should have shaken hands and never did.
    pub fn untried(&self) -> Vec<Class> {
        let untried = self.classes.iter().filter(|(_, count)| count.attempted == 0);
        untried.map(|(class, _)| *class).collect()
    }

    /// Periods in which fewer pairs than this have tried a handshake: each with how many have.
    pub fn periods_of_fewer(&self, least: usize) -> Vec<(&str, usize)> {
        let pairs = self.periods.iter().map(|period| (&*period.name, period.pairs.len()));
        pairs.filter(|(_, pairs)| *pairs < least).collect()
    }

    /// How many were attempted, and how many failed, among pairs of which one loads its bundle only once a rotation, or none.
    pub fn sum(&self, is_stubborn: bool) -> (u64, u64) {
        let counts = self.classes.iter().filter(|(class, _)| class.2 == is_stubborn);
        counts.fold((0, 0), |sum, (_, count)| (sum.0 + count.attempted, sum.1 + count.failed))
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Handshakes with MTLS_SEED={}:", *SEED)?;
        writeln!(f, "  client   server   one loads its bundle once      handshakes   failed")?;
        for ((client, server, is_stubborn), count) in &self.classes {
            let stubborn = if *is_stubborn { "yes" } else { "no" };
            let Count { attempted, failed } = count;
            writeln!(f, "  {client:<8} {server:<8} {stubborn:<28} {attempted:>12} {failed:>8}")?;
        }
        for Period { name, begun, pairs } in &self.periods {
            let what = format!("begun in {name}, by {} of {} pairs", pairs.len(), self.pairs);
            writeln!(f, "  {what:<46} {begun:>12}")?;
        }
        let ((attempted, failed), (others, also)) = (self.sum(false), self.sum(true));
        write!(f, "  {:<46} {:>12} {:>8}", "in all", attempted + others, failed + also)
    }
}

/// Consumers that shake hands with each other.
pub struct PairwiseLoad {
    stop: Arc<AtomicBool>,
    /// The last one goes on.
    periods: Arc<Mutex<Vec<Period>>>,
    pairs: usize,
    thread: JoinHandle<Counts>,
}

impl PairwiseLoad {
    /// Each connects to each of its own group, until they are stopped.
    pub fn begin(groups: Vec<Vec<Arc<Consumer>>>) -> Self {
        let (stop, periods) = (Arc::new(AtomicBool::new(false)), Arc::<Mutex<Vec<Period>>>::default());
        let pairs = groups.iter().map(|group| pairs(group).count()).sum();
        let (is_over, begun) = (stop.clone(), periods.clone());
        let thread = std::thread::spawn(move || talk(&groups, &is_over, &begun));
        Self { stop, periods, pairs, thread }
    }

    /// A period begins whose pairs are counted by themselves.
    pub fn enter(&self, name: String) {
        self.periods.lock().unwrap().push(Period { name, begun: 0, pairs: BTreeSet::new() });
    }

    /// Waits until every pair has tried a handshake since the last period began.
    pub async fn round(&self) {
        let is_complete = || {
            let periods = self.periods.lock().unwrap();
            periods.last().is_some_and(|period| period.pairs.len() == self.pairs).then_some(())
        };
        until("every pair to try a handshake", || async { is_complete() }).await;
    }

    /// Ends it.
    pub fn end(self) -> Counts {
        self.stop.store(true, Ordering::Relaxed);
        let counts = self.thread.join().unwrap();
        Counts { pairs: self.pairs, periods: std::mem::take(&mut self.periods.lock().unwrap()), ..counts }
    }
}

/// Round after round.
fn talk(groups: &[Vec<Arc<Consumer>>], is_over: &AtomicBool, periods: &Mutex<Vec<Period>>) -> Counts {
    let mut counts = Counts::default();
    let pairs: Vec<_> = groups.iter().flat_map(|group| pairs(group)).collect();
    for (from, to) in &pairs {
        counts.classes.entry(class(from, to)).or_default();
    }
    for (number, (from, to)) in pairs.iter().enumerate().cycle() {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        if let Some(period) = periods.lock().unwrap().last_mut() {
            period.begun += 1;
            period.pairs.insert(number);
        }
        counts.take(class(from, to), shake_hands(from, to).err());
    }
    counts
}

/// All pairs of consumers: each with each.
fn pairs(group: &[Arc<Consumer>]) -> impl Iterator<Item = (&Arc<Consumer>, &Arc<Consumer>)> {
    group.iter().flat_map(move |from| group.iter().map(move |to| (from, to)))
}

fn class(from: &Consumer, to: &Consumer) -> Class {
    (from.stack.name(), to.stack.server_name(), from.is_stubborn() || to.is_stubborn())
}
