//! The world, and its state after each event.

use crate::ca::Ca;
use crate::decisions::Decisions;
use crate::events::{Event, ReplicaId};
use crate::evidence::Status;
use crate::mutation::Mutation;
use crate::pki::{Chain, Pki, RootId, Roots};
use crate::scope::{Clocks, Scope};
use crate::state::{InFlight, Leaf, Replica, Secret, State, View, Workload};
use crate::time::{FAR, FRESHNESS, LONGER_LEAF, SKEW, Ticks, WRITE};

/// A world within a scope.
pub struct World {
    /// Its bounds.
    pub scope: Scope,
    /// The operator's decisions.
    pub decisions: Decisions,
}

impl World {
    /// A world of this scope.
    #[must_use]
    pub fn new(scope: Scope) -> Self {
        Self { decisions: Decisions::new(&scope), scope }
    }

    /// How it begins: one root, and a leaf of it in every Secret; or nothing at all.
    #[must_use]
    pub fn initial(&self) -> State {
        let mut pki = Pki::EMPTY;
        let is_empty = self.scope.begins_empty;
        let ca = (!is_empty).then(|| Ca::new(pki.make(self.scope.first_end), self.scope.leaf, 0));
        let chain = Chain { signer: 0, crosses: pki.run(0, Roots::default(), 0) };
        let leaf = Leaf { chain, issued: 0, end: self.scope.leaf };
        let secret = ca.map(|ca| Secret { leaf, bundle: ca.trust() });
        let status = secret.filter(|_| self.scope.status_lags).map(|secret| Status::of(secret.leaf));
        State {
            ca,
            root_in_flight: None,
            recorded: ca.map(|ca| ca.signer),
            switched: FRESHNESS + WRITE + 1,
            newest: ca.map(|ca| ca.signer),
            pki,
            workloads: vec![Workload { secret, status, ..Workload::default() }; self.scope.workloads],
            replicas: [Clocks::SecondBehind, Clocks::SecondAhead]
                .map(|ahead| Replica { is_ahead: self.scope.clocks == ahead, ..Replica::default() }),
            consumers: crate::consumers::Consumers::default(),
            asked: 0,
            stored: Roots::of(ca.map(|ca| ca.signer).filter(|_| self.scope.distrusts > 0)),
            named: Roots::default(),
            taken: Roots::default(),
            provided: None,
            has_provided: false,
            longest: self.scope.leaf,
            backup: None,
            lost: None,
            is_excused: false,
            broken: None,
        }
    }

    /// Whether the mutation is in this world.
    #[must_use]
    pub const fn has(&self, mutation: Mutation) -> bool {
        self.scope.mutations.has(mutation)
    }

    /// The state after an event; `None` where it cannot happen, or changes nothing.
    #[must_use]
    pub fn after(&self, before: &State, event: Event) -> Option<State> {
        let mut state = before.clone();
        state.broken = None;
        match event {
            Event::Tick => self.tick(&mut state),
            Event::Read(id) => {
                let is_sound = before.ca.is_some_and(|ca| !ca.is_lost());
                let signs = is_sound && !self.has_evidence(before, Self::now(state.replica(id)));
                self.publish(&mut state, id, signs);
            }
            Event::Pass(id, write) => self.pass(&mut state, id, write)?,
            Event::Reconcile(id, of, write) => self.reconcile(&mut state, id, of, write)?,
            Event::Crash(id) => state.crash(id),
            Event::Land(of) => self.land(&mut state, of)?,
            Event::LandRoot => {
                let flight = state.root_in_flight.take()?;
                state.lost = None;
                self.write_ca(&mut state, Some(flight.content));
            }
            Event::Interrupt(id) => interrupt(state.replica(id))?,
            Event::Resume(id) => {
                self.resume(state.replica(id))?;
                state.list_secrets(id);
            }
            Event::StepClock(id) => state.replica(id).is_ahead ^= true,
            other => self.people(&mut state, other)?,
        }
        (state != *before).then(|| state.canonical())
    }

    fn people(&self, state: &mut State, event: Event) -> Option<()> {
        match event {
            Event::Ask if state.asked < self.scope.rotations => state.asked += 1,
            Event::Lengthen => state.longest = LONGER_LEAF,
            Event::Delete(of) => {
                let workload = &mut state.workloads[usize::from(of)];
                workload.secret.filter(|_| !workload.is_stuck)?;
                self.write_secret(state, usize::from(of), None, None);
            }
            Event::Stick(of) => state.workloads[usize::from(of)].is_stuck = true,
            Event::Pause(of) => {
                let workload = &mut state.workloads[usize::from(of)];
                // The status speaks of the spec before.
                (workload.is_paused, workload.status) =
                    (true, workload.status.filter(|_| workload.is_paused));
            }
            Event::Distrust(root) => self.distrust(state, root)?,
            Event::Provide if !state.has_provided => {
                state.has_provided = true;
                state.provided = Some(Self::make_root(state)?);
            }
            Event::Unprovide => drop(state.provided.take()?),
            Event::Backup if state.backup.is_none() => state.backup = Some(state.ca?),
            Event::Restore => {
                let backup = state.backup.filter(|backup| self.may_be_restored(state, backup))?;
                self.lose(state);
                self.write_ca(state, Some(backup));
            }
            Event::DeleteRoot => {
                state.ca?;
                self.lose(state);
                self.write_ca(state, None);
            }
            Event::Mend => {
                let lost = state.lost.take()?;
                self.write_ca(state, Some(lost));
            }
            _ => return None,
        }
        Some(())
    }

    /// People can put back what they have lost: the last one that explained every leaf.
    fn lose(&self, state: &mut State) {
        if !self.has_evidence(state, 0) {
            state.lost = state.ca;
        }
    }

    /// A tick passes.
    pub fn tick(&self, state: &mut State) {
        let keeps = self.has(Mutation::SignsWithOldView) || self.has(Mutation::RefreshesFromOldView);
        state.pass_time(keeps);
        self.age_statuses(state);
    }

    /// The clock of a replica.
    #[must_use]
    pub const fn now(replica: &Replica) -> Ticks {
        if replica.is_ahead { SKEW } else { 0 }
    }

    fn resume(&self, replica: &mut Replica) -> Option<()> {
        let has_missed = replica.missed.take()?;
        if has_missed && !self.has(Mutation::IgnoresInterruptions) {
            replica.quiet = None;
        }
        Some(())
    }

    /// A root that is made now: the first ends when the scope says so, the others do not.
    pub fn make_root(state: &mut State) -> Option<RootId> {
        let is_room = usize::from(state.pki.made()) < crate::pki::ROOTS;
        is_room.then(|| state.pki.make(FAR))
    }

    /// A write of a leaf Secret that is under way.
    #[must_use]
    pub const fn in_flight(content: Secret) -> InFlight<Secret> {
        InFlight { content, left: WRITE }
    }
}

fn interrupt(replica: &mut Replica) -> Option<()> {
    if replica.missed.is_some() || replica.quiet.is_none() {
        return None;
    }
    replica.missed = Some(false);
    Some(())
}

impl State {
    /// A replica.
    pub fn replica(&mut self, ReplicaId(place): ReplicaId) -> &mut Replica {
        &mut self.replicas[usize::from(place)]
    }
}

impl View {
    /// The root Secret as it is seen.
    #[must_use]
    pub const fn of<'a>(&'a self, present: Option<&'a Ca>) -> Option<&'a Ca> {
        match self {
            Self::Unknown => None,
            Self::Current => present,
            Self::Former(ca, _) => Some(ca),
        }
    }
}
