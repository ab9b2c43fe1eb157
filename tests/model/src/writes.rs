//! What a write does: to views of the root, to what consumers may hold, and to what watches tell.

use crate::ca::Ca;
use crate::events::ReplicaId;
use crate::mutation::Mutation;
use crate::pki::Pki;
use crate::state::{Broken, Replica, Secret, State, View};
use crate::time::{FRESHNESS, PROPAGATION, WRITE};
use crate::world::World;

impl World {
    /// The root Secret becomes this. A replica that had confirmed the former one just before goes on with it for a while.
    pub fn write_ca(&self, state: &mut State, after: Option<Ca>) {
        self.write_ca_beside_in_flight(state, after);
        if !self.has(Mutation::UnguardedRootWrites) {
            state.root_in_flight = None;
        }
    }

    /// The same, where the Secret may be what it was, and is seen in another way: it keeps its version.
    pub fn write_ca_beside_in_flight(&self, state: &mut State, after: Option<Ca>) {
        let signer = |ca: Option<Ca>| ca.map(|ca| ca.signer);
        if signer(after) != signer(state.ca) {
            state.switched = 0;
        }
        if let Some(before) = state.ca {
            for replica in state.replicas.iter_mut().filter(|replica| replica.view == View::Current) {
                replica.view = View::Former(before, 0);
            }
        }
        state.ca = after;
        if self.scope.distrusts > 0 {
            state.stored = after.map_or(state.stored, |ca| state.stored.union(ca.all()));
        }
        if !state.distrusted().is_empty() {
            self.tell_distrust(state);
        }
    }

    /// A leaf Secret becomes this.
    pub fn write_secret(
        &self,
        state: &mut State,
        of: usize,
        after: Option<Secret>,
        writer: Option<ReplicaId>,
    ) {
        let before = state.workloads[of].secret;
        if let Some(before) = before {
            self.consumers_keep(state, before, after);
        }
        let (ca, pki) = (state.ca, state.pki);
        for (place, replica) in state.replicas.iter_mut().enumerate() {
            // It knows of its own writes by their answers.
            let is_writer = writer.is_some_and(|writer| writer.index() == place);
            state.workloads[of].is_unseen_by[place] = replica.missed.is_some() && !is_writer;
            self.notice(replica, ca.as_ref(), &pki, [before, after], is_writer);
        }
        if let Some(after) = after.filter(|after| before.is_none_or(|before| before.leaf != after.leaf)) {
            state.newest = state.newest.max(Some(after.leaf.chain.signer));
            state.broken = Self::breach(state, after);
        }
        let workload = &mut state.workloads[of];
        workload.secret = after;
        if !self.has(Mutation::UnguardedLeafWrites) {
            workload.in_flight = None;
        }
    }

    fn consumers_keep(&self, state: &mut State, before: Secret, after: Option<Secret>) {
        let staleness = if self.has(Mutation::SlowConsumers) { PROPAGATION * 3 } else { PROPAGATION };
        if after.is_none_or(|after| after.bundle != before.bundle) {
            state.consumers.keep_bundle(before.bundle, staleness);
        }
        let left = if self.scope.keepers { before.leaf.end } else { before.leaf.end.min(staleness - 1) };
        if after.is_none_or(|after| after.leaf != before.leaf) {
            state.consumers.keep_leaf(before.leaf.chain, left);
        }
    }

    /// A replica's watch tells of a change of a Secret.
    fn notice(
        &self,
        replica: &mut Replica,
        ca: Option<&Ca>,
        pki: &Pki,
        around: [Option<Secret>; 2],
        is_writer: bool,
    ) {
        if let Some(missed) = &mut replica.missed {
            *missed |= !is_writer;
            return;
        }
        let now = Self::now(replica);
        let view = replica.view;
        let Some(mark) = view.of(ca) else { return };
        let is_behind = |secret: Secret| self.decisions.is_behind(mark, pki, secret, now);
        let was_behind =
            around.into_iter().flatten().any(is_behind) && !self.has(Mutation::ForgetsBetweenLooks);
        if was_behind || self.has(Mutation::WaitsSinceLastWrite) {
            replica.quiet = None;
        }
    }

    /// A write of a leaf Secret arrives.
    pub fn land(&self, state: &mut State, of: u8) -> Option<()> {
        let of = usize::from(of);
        let flight = state.workloads[of].in_flight.filter(|_| !state.workloads[of].is_stuck)?;
        state.workloads[of].in_flight = None;
        self.write_secret(state, of, Some(flight.content), None);
        Some(())
    }

    /// What a leaf breaks by its appearance.
    fn breach(state: &State, secret: Secret) -> Option<Broken> {
        let signer = secret.leaf.chain.signer;
        if secret.leaf.end > state.pki.end(signer) {
            return Some(Broken::I8);
        }
        let is_former = state.ca.is_some_and(|ca| ca.signer > signer);
        let is_late = is_former && state.switched > FRESHNESS + WRITE;
        is_late.then_some(Broken::I9)
    }
}
