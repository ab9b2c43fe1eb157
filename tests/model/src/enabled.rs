//! Which events may happen next in a world: those that its scope admits.

use crate::events::{Event, ReplicaId, Write};
use crate::scope::{Clocks, SecondReplica};
use crate::state::{State, Workload};
use crate::world::World;

impl World {
    /// Every event that may happen next.
    #[must_use]
    pub fn events(&self, state: &State) -> Vec<Event> {
        let scope = &self.scope;
        let mut events = vec![Event::Tick, Event::Ask];
        let workloads = || 0..u8::try_from(scope.workloads).unwrap_or_default();
        let replicas = if scope.second == SecondReplica::Absent { 1 } else { 2 };
        for id in (0..replicas).map(ReplicaId) {
            self.events_of(state, id, &mut events);
        }
        let flights = state.workloads.iter().filter(|workload| workload.in_flight.is_some()).count();
        for of in workloads() {
            events.push(Event::Land(of));
            for id in (0..replicas).map(ReplicaId) {
                events.push(Event::Reconcile(id, of, Write::Prompt));
                events.extend((flights < scope.max_in_flight).then_some(Event::Reconcile(
                    id,
                    of,
                    Write::Slow,
                )));
                // The replica is killed between Secret and status. A slow write that arrives is that, too.
                events.extend((scope.status_lags && scope.max_in_flight == 0).then_some(Event::Reconcile(
                    id,
                    of,
                    Write::Last,
                )));
            }
            events.extend(scope.deletions.then_some(Event::Delete(of)));
            let is_first = |is: fn(&Workload) -> bool| !state.workloads.iter().any(is);
            events.extend((scope.stuck && is_first(|one| one.is_stuck)).then_some(Event::Stick(of)));
            events.extend((scope.paused && is_first(|one| one.is_paused)).then_some(Event::Pause(of)));
        }
        if state.named.iter().count() < usize::from(scope.distrusts) {
            events.extend(state.stored.iter().map(Event::Distrust));
        }
        if scope.provides {
            events.extend([Event::Provide, Event::Unprovide]);
        }
        events.extend(scope.longer_leaves.then_some(Event::Lengthen));
        events.extend(scope.slow_root_writes.then_some(Event::LandRoot));
        if scope.restores {
            events.extend([Event::Backup, Event::Restore, Event::DeleteRoot, Event::Mend]);
        }
        events
    }

    fn events_of(&self, state: &State, id: ReplicaId, events: &mut Vec<Event>) {
        let scope = &self.scope;
        if id.0 == 0 || scope.second == SecondReplica::Leads {
            events.extend([Event::Pass(id, Write::Prompt), Event::Pass(id, Write::Last)]);
            let is_free = scope.slow_root_writes && state.root_in_flight.is_none();
            events.extend(is_free.then_some(Event::Pass(id, Write::Slow)));
        } else {
            events.push(Event::Read(id));
        }
        events.push(Event::Crash(id));
        if scope.interruptions {
            events.extend([Event::Interrupt(id), Event::Resume(id)]);
        }
        events.extend((scope.clocks == Clocks::Step).then_some(Event::StepClock(id)));
    }
}
