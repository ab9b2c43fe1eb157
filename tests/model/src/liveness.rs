//! Liveness: from every state, once nothing goes wrong any more, one replica brings the rotation to its end.

use std::collections::HashMap;

use mtls_operator::api::authority::Phase;

use crate::ca::Ca;
use crate::events::{Event, ReplicaId, Write};
use crate::fingerprint::Fast;
use crate::state::{Replica, State, Workload};
use crate::time::FAR;
use crate::world::World;

const LEADER: ReplicaId = ReplicaId(0);
/// Longer than any rotation.
const LONG: usize = 200;

/// How a rotation ends from some state on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// With one root that every Secret follows.
    InTime,
    /// The same, but the signer has expired before.
    Late,
    /// Not at all.
    Never,
}

/// The states whose end is known.
#[derive(Default)]
pub struct Liveness {
    known: HashMap<u64, End, Fast>,
}

impl Liveness {
    /// Whether the world settles from here; before the signer expires, where there is time for it.
    pub fn settles(&mut self, world: &World, state: &State) -> bool {
        let left = state.ca.map_or(0, |ca| state.pki.end(ca.signer));
        match self.end(world, state) {
            End::InTime => true,
            End::Late => state.is_excused || left < world.scope.margin,
            End::Never => false,
        }
    }

    fn end(&mut self, world: &World, state: &State) -> End {
        let mut state = calmed(state);
        let mut passed = Vec::new();
        for _ in 0..LONG {
            let fingerprint = state.fingerprint();
            let settled = || if state.is_excused { End::Late } else { End::InTime };
            let known = self.known.get(&fingerprint).copied();
            if let Some(end) = known.or_else(|| is_settled(world, &state).then(settled)) {
                self.known.extend(passed.into_iter().chain([fingerprint]).map(|one| (one, end)));
                return end;
            }
            passed.push(fingerprint);
            state = round(world, state);
            if state.broken.is_some() {
                // Which is found on its own.
                return End::InTime;
            }
            world.tick(&mut state);
        }
        End::Never
    }
}

/// What was under way is lost or has arrived, and one process is left.
fn calmed(state: &State) -> State {
    let mut state = state.clone();
    state.replicas[1] = Replica { is_ahead: state.replicas[1].is_ahead, ..Replica::default() };
    state.replicas[0].missed = None;
    state.root_in_flight = None;
    state.backup = None;
    // Nothing can be signed with a CA that is distrusted: people provide another, or none.
    state.provided = state.provided.filter(|root| !state.distrusted().contain(*root));
    state.consumers = crate::consumers::Consumers::default();
    for workload in &mut state.workloads {
        workload.is_unseen_by = [false; 2];
        workload.in_flight = None;
    }
    state.canonical()
}

/// Everything that needs a reconcile has one, until nothing does.
fn round(world: &World, mut state: State) -> State {
    if world.has_evidence(&state, World::now(&state.replicas[0])) {
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

/// Whether every request is answered, one root is trusted, and every Secret that can be written follows it.
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
    follows && !world.has_evidence(state, World::now(&state.replicas[0]))
}

/// Whether the switch waits for a Secret that cannot be written, until it is forced; which is beyond the run, since the
/// signer's end is.
fn waits_for_its_end(state: &State, ca: &Ca) -> bool {
    let lacks_next = |workload: &Workload| {
        workload.secret.is_some_and(|secret| secret.bundle != ca.trust()) && workload.is_stuck
    };
    state.pki.end(ca.signer) == FAR && state.workloads.iter().any(lacks_next)
}
