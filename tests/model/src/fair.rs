//! Liveness: from every state, once nothing goes wrong any more, one replica brings the rotation to its end.

use std::collections::HashSet;

use mtls_operator::api::authority::Phase;

use crate::ca::Ca;
use crate::events::{Event, Who, Write};
use crate::fingerprint::Fast;
use crate::state::{Replica, State, Workload};
use crate::time::FAR;
use crate::world::World;

const LEADER: Who = Who(0);
/// Longer than any rotation.
const LONG: usize = 200;

/// The states from which a rotation was seen to come to its end.
#[derive(Default)]
pub struct Fair {
    known: HashSet<u64, Fast>,
}

impl Fair {
    /// Whether the world settles from here.
    pub fn settles(&mut self, world: &World, state: &State) -> bool {
        let mut state = calmed(state);
        let mut passed = Vec::new();
        for _ in 0..LONG {
            let fingerprint = state.fingerprint();
            if self.known.contains(&fingerprint) || is_settled(world, &state) {
                self.known.extend(passed);
                self.known.insert(fingerprint);
                return true;
            }
            passed.push(fingerprint);
            state = round(world, state);
            if state.broken.is_some() {
                // Which is found on its own.
                return true;
            }
            world.tick(&mut state);
        }
        false
    }
}

/// What was under way is lost or has arrived, and one process is left.
fn calmed(state: &State) -> State {
    let mut state = state.clone();
    state.replicas[1] = Replica { is_ahead: state.replicas[1].is_ahead, ..Replica::default() };
    state.replicas[0].missed = None;
    state.ca_flight = None;
    state.backup = None;
    state.consumers = crate::consumers::Consumers::default();
    for workload in &mut state.workloads {
        workload.flight = None;
    }
    state.canonical()
}

/// Everything that needs a look has one, until nothing does.
fn round(world: &World, mut state: State) -> State {
    if world.has_evidence(&state) {
        state = world.after(&state, Event::Mend).unwrap_or(state);
    }
    for _ in 0..8 {
        let mut is_quiet = true;
        let of = 0..u8::try_from(state.workloads.len()).unwrap_or_default();
        let looks = of.map(|of| Event::Reconcile(LEADER, of, Write::Prompt));
        for event in std::iter::once(Event::Pass(LEADER, Write::Prompt)).chain(looks) {
            if let Some(after) = world.after(&state, event) {
                if after.broken.is_some() {
                    return after;
                }
                (state, is_quiet) = (after, false);
            }
        }
        if is_quiet {
            break;
        }
    }
    state.consumers = crate::consumers::Consumers::default();
    state
}

/// Whether every request is answered, one root is trusted, and everybody follows it who can.
fn is_settled(world: &World, state: &State) -> bool {
    let Some(ca) = state.ca else { return false };
    if ca.phase == Phase::Announced && waits_for_its_end(state, &ca) {
        return true;
    }
    if ca.phase != Phase::Stable || ca.answered != state.asked {
        return false;
    }
    let mut free = state.workloads.iter().filter(|workload| !workload.is_stuck);
    let follows = free.all(|workload| {
        workload.secret.is_some_and(|secret| {
            let is_signed = secret.leaf.chain.signer == ca.signer && secret.leaf.end >= 0;
            secret.bundle == ca.trust() && (is_signed || workload.is_paused)
        })
    });
    follows && !world.has_evidence(state)
}

/// Whether the switch waits for somebody who cannot be written, until it is forced; which is beyond the run, since the
/// signer's end is.
fn waits_for_its_end(state: &State, ca: &Ca) -> bool {
    let lacks_next = |workload: &Workload| {
        workload.secret.is_some_and(|secret| secret.bundle != ca.trust()) && workload.is_stuck
    };
    state.pki.end(ca.signer) == FAR && state.workloads.iter().any(lacks_next)
}
