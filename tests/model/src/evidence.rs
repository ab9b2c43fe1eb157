//! What proves that a root is lost: what statuses say, and, while there is no root Secret, leaf Secrets.
//!
//! This rule is a copy of the operator's, which reads lists and its index in between: of `evidence::evidence` and
//! `leaf_without_root`, of `suspects::claimants` and, for what a look records, of `status::identity_status`. Which signers a
//! root Secret explains is compared with the operator's answer in `tests/differential`. Only the operator writes statuses
//! here, so that each has its proof. Which leaf is `Ready` is asked of `plan::decide`. Statuses are seen as they are: an
//! index that lags is not modelled, nor a write of a status that is under way.

use crate::events::ReplicaId;
use crate::mutation::Mutation;
use crate::pki::RootId;
use crate::state::{Leaf, State, View, Workload};
use crate::time::{Ticks, later};
use crate::world::World;

/// What the status of an identity says of its leaf, while that is `Ready`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Status {
    /// The root that signed it.
    pub signer: RootId,
    /// When it ends; -1 once it has ended.
    pub end: Ticks,
}

impl Status {
    /// Of this leaf.
    #[must_use]
    pub const fn of(leaf: Leaf) -> Self {
        Self { signer: leaf.chain.signer, end: leaf.end }
    }
}

impl World {
    /// What status says of a leaf; where no status lags, what the Secret says.
    fn status(&self, workload: &Workload) -> Option<Status> {
        let lags = self.scope.status_lags;
        if lags { workload.status } else { workload.secret.map(|secret| Status::of(secret.leaf)) }
    }

    /// Whether something shows that a root is lost. It was gathered before the root Secret was read.
    #[must_use]
    pub fn has_evidence(&self, state: &State, now: Ticks) -> bool {
        if self.has(Mutation::NoEvidence) {
            return false;
        }
        if self.has(Mutation::TrustsAnyBackup) && state.ca.is_some() {
            return false;
        }
        let counts = |status: &Status| status.end >= now || self.has(Mutation::ExpiredLeavesAreEvidence);
        let mut statuses = state.workloads.iter().filter_map(|one| self.status(one)).filter(counts);
        let Some(ca) = &state.ca else {
            let has_leaf = state.workloads.iter().any(|workload| workload.secret.is_some());
            let is_any = state.recorded.is_some() || statuses.next().is_some() || has_leaf;
            return is_any && !self.has(Mutation::CreatesByStaleIndex);
        };
        state.recorded.is_some_and(|recorded| !ca.knows(recorded))
            || statuses.any(|status| !ca.knows(status.signer))
    }

    /// Status names the signer before a replica signs with it.
    pub fn publish(&self, state: &mut State, who: ReplicaId, signs: bool) {
        let ca = state.ca.filter(|_| signs);
        let is_late = self.has(Mutation::NamesSignerAfterItsFirstLeaf);
        let named = ca.map(|ca| ca.signer).filter(|signer| !is_late || state.newest >= Some(*signer));
        state.recorded = named.or(state.recorded);
        self.record_taken(state);
        state.replica(who).view = ca.map_or(View::Unknown, |_| View::Current);
    }

    /// The look at an identity ends with its status, which says what lies in the Secret, also where the replica does not sign.
    pub fn record(&self, state: &mut State, who: ReplicaId, of: usize) {
        if !self.scope.status_lags {
            return;
        }
        let replica = *state.replica(who);
        let ca = Self::signs_with(state, &replica);
        let (pki, now, all) = (state.pki, Self::now(&replica), self.has(Mutation::ExpiredLeavesAreEvidence));
        let workload = &mut state.workloads[of];
        let (_, is_ready) = self.decisions.need(ca.as_ref(), &pki, workload.secret, workload.is_paused, now);
        let status = workload.secret.filter(|_| is_ready || all).map(|secret| Status::of(secret.leaf));
        workload.status = status.filter(|status| status.end >= 0 || all);
    }

    /// A tick passes. What has ended is no evidence, whatever it says.
    pub fn age_statuses(&self, state: &mut State) {
        for workload in &mut state.workloads {
            let aged = workload.status.map(|status| Status { end: later(status.end, -1), ..status });
            workload.status =
                aged.filter(|status| status.end >= 0 || self.has(Mutation::ExpiredLeavesAreEvidence));
        }
    }
}
