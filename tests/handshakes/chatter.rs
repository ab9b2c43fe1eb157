//! Handshakes between all pairs, round after round, and their count.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crate::consumer::{Consumer, shake_hands};
use crate::dice::SEED;

/// Failures are told so many times for each class.
const TOLD: u64 = 5;

/// Who talks to whom: the stack of the client, that of the server, and whether one of them never loads its trust
/// bundle again.
type Class = (&'static str, &'static str, bool);

/// Handshakes of one class.
#[derive(Clone, Copy, Default)]
struct Count {
    attempted: u64,
    failed: u64,
}

/// The count of all handshakes.
#[derive(Default)]
pub struct Tally {
    counts: BTreeMap<Class, Count>,
    /// The first failures of each class.
    pub failures: Vec<String>,
}

impl Tally {
    fn take(&mut self, class: Class, failure: Option<String>) {
        let count = self.counts.entry(class).or_default();
        count.attempted += 1;
        if let Some(failure) = failure {
            count.failed += 1;
            if count.failed <= TOLD {
                self.failures.push(failure);
            }
        }
    }

    /// Classes of pairs that were to talk, and never did: nothing is known of them.
    pub fn untried(&self) -> Vec<Class> {
        let untried = self.counts.iter().filter(|(_, count)| count.attempted == 0);
        untried.map(|(class, _)| *class).collect()
    }

    /// How many were attempted, and how many failed, among pairs of which one is stubborn, or none.
    pub fn sum(&self, is_stubborn: bool) -> (u64, u64) {
        let counts = self.counts.iter().filter(|(class, _)| class.2 == is_stubborn);
        counts.fold((0, 0), |sum, (_, count)| (sum.0 + count.attempted, sum.1 + count.failed))
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Handshakes with MTLS_SEED={}:", *SEED)?;
        writeln!(f, "  client   server   one never reloads its bundle   handshakes   failed")?;
        for ((client, server, is_stubborn), count) in &self.counts {
            let stubborn = if *is_stubborn { "yes" } else { "no" };
            let Count { attempted, failed } = count;
            writeln!(f, "  {client:<8} {server:<8} {stubborn:<28} {attempted:>12} {failed:>8}")?;
        }
        let ((attempted, failed), (others, also)) = (self.sum(false), self.sum(true));
        write!(f, "  {:<46} {:>12} {:>8}", "in all", attempted + others, failed + also)
    }
}

/// Consumers that talk.
pub struct Chatter {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Tally>,
}

impl Chatter {
    /// Each talks to each of its own group, until they are told to end.
    pub fn begin(groups: Vec<Vec<Arc<Consumer>>>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let is_over = stop.clone();
        let thread = std::thread::spawn(move || {
            let mut tally = Tally::default();
            for (from, to) in groups.iter().flat_map(|group| pairs(group)) {
                tally.counts.entry(class(from, to)).or_default();
            }
            while !is_over.load(Ordering::Relaxed) {
                for group in &groups {
                    talk(group, &is_over, &mut tally);
                }
            }
            tally
        });
        Self { stop, thread }
    }

    /// Ends it.
    pub fn end(self) -> Tally {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

/// One round.
fn talk(group: &[Arc<Consumer>], is_over: &AtomicBool, tally: &mut Tally) {
    for (from, to) in pairs(group) {
        if is_over.load(Ordering::Relaxed) {
            return;
        }
        tally.take(class(from, to), shake_hands(from, to).err());
    }
}

/// Who talks to whom: everybody to everybody.
fn pairs(group: &[Arc<Consumer>]) -> impl Iterator<Item = (&Arc<Consumer>, &Arc<Consumer>)> {
    group.iter().flat_map(move |from| group.iter().map(move |to| (from, to)))
}

fn class(from: &Consumer, to: &Consumer) -> Class {
    (from.stack.name(), to.stack.name(), from.is_stubborn() || to.is_stubborn())
}
