//! A tick passes: every time in the state counts one less, and writes under way arrive no more.

use crate::pki::Pki;
use crate::state::{InFlight, Leaf, Replica, State, View};
use crate::time::{FRESHNESS, PROPAGATION, WRITE, later};

impl State {
    /// A tick passes.
    pub fn pass_time(&mut self, keeps_old_views: bool) {
        self.pki.pass_time();
        let pki = self.pki;
        let flight = self.root_in_flight.as_mut().map(|flight| &mut flight.content);
        let copies = self.ca.iter_mut().chain(flight).chain(&mut self.backup).chain(&mut self.lost);
        copies.for_each(|ca| ca.pass_time(&pki));
        self.root_in_flight = self.root_in_flight.and_then(arrives_later);
        self.switched = (self.switched + 1).min(FRESHNESS + WRITE + 1);
        for workload in &mut self.workloads {
            let flight = workload.in_flight.as_mut().map(|flight| &mut flight.content);
            workload.secret.iter_mut().chain(flight).for_each(|secret| secret.leaf.pass_time());
            workload.in_flight = workload.in_flight.and_then(arrives_later);
        }
        for replica in &mut self.replicas {
            replica.pass_time(&pki, keeps_old_views);
        }
        self.consumers.pass_time();
    }
}

fn arrives_later<T>(flight: InFlight<T>) -> Option<InFlight<T>> {
    (flight.left > 0).then(|| InFlight { left: flight.left - 1, ..flight })
}

impl Leaf {
    fn pass_time(&mut self) {
        self.end = later(self.end, -1);
        self.issued = if self.end < 0 { 0 } else { later(self.issued, -100) };
    }
}

impl Replica {
    fn pass_time(&mut self, pki: &Pki, keeps_old_views: bool) {
        if let Some((_, quiet)) = &mut self.quiet {
            *quiet = (*quiet + 1).min(PROPAGATION);
        }
        if let View::Former(ca, age) = &mut self.view {
            ca.pass_time(pki);
            *age = (*age + 1).min(FRESHNESS + 1);
            if *age > FRESHNESS && !keeps_old_views {
                self.view = View::Unknown;
            }
        }
    }
}
