//! The exploration of every state that can be reached, nearest first, so that the first trace to a broken promise is a
//! shortest one.

use std::collections::HashSet;
use std::fmt;

use crate::events::Event;
use crate::fingerprint::Fast;
use crate::liveness::Liveness;
use crate::scope::Scope;
use crate::state::{Broken, State};
use crate::world::World;

/// What was found.
#[derive(Debug)]
pub struct Report {
    /// How many states there are, or were seen before a promise was broken.
    pub states: usize,
    /// How many steps lead from state to state.
    pub steps: usize,
    /// How many steps were not followed, because they lead to more roots than the scope has.
    pub cut: usize,
    /// The broken promise, and how it came to it.
    pub violation: Option<Violation>,
}

/// A broken promise, and a shortest way there.
#[derive(Debug)]
pub struct Violation {
    /// The promise.
    pub promise: Broken,
    /// The events.
    pub trace: Vec<Event>,
    /// The state after them.
    pub state: State,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?} is broken after", self.promise)?;
        for event in &self.trace {
            writeln!(f, "  {event}")?;
        }
        write!(f, "where {:#?}", self.state)
    }
}

/// The steps by which states were found first.
#[derive(Default)]
struct Steps(Vec<(u32, Event)>);

impl Steps {
    fn trace(&self, mut at: u32, last: Option<Event>) -> Vec<Event> {
        let mut trace: Vec<Event> = last.into_iter().collect();
        while at > 0 {
            let (before, event) = self.0[at as usize];
            trace.push(event);
            at = before;
        }
        trace.reverse();
        trace
    }
}

/// Explores a scope until nothing new is found, or a promise is broken.
#[must_use]
pub fn explore(scope: Scope) -> Report {
    let world = World::new(scope);
    let mut liveness = Liveness::default();
    let initial = world.initial();
    let mut seen = HashSet::<u64, Fast>::from_iter([initial.fingerprint()]);
    let mut ways = Steps(vec![(0, Event::Tick)]);
    let (mut frontier, mut steps, mut cut) = (vec![(0, initial)], 0, 0);
    while !frontier.is_empty() {
        let mut further = Vec::new();
        for (at, state) in frontier {
            for event in world.events(&state) {
                let Some(after) = world.after(&state, event) else { continue };
                steps += 1;
                if after.pki.made() > scope.roots {
                    cut += 1;
                    continue;
                }
                if !seen.insert(after.fingerprint()) {
                    continue;
                }
                if let Some(promise) = broken(&world, &mut liveness, &after) {
                    let trace = ways.trace(at, Some(event));
                    let violation = Some(Violation { promise, trace, state: after });
                    return Report { states: seen.len(), steps, cut, violation };
                }
                let place = u32::try_from(ways.0.len()).unwrap_or(u32::MAX);
                ways.0.push((at, event));
                further.push((place, after));
            }
        }
        frontier = further;
    }
    Report { states: seen.len(), steps, cut, violation: None }
}

fn broken(world: &World, liveness: &mut Liveness, state: &State) -> Option<Broken> {
    world.broken(state).or_else(|| (!liveness.settles(world, state)).then_some(Broken::Liveness))
}
