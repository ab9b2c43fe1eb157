//! Evidence that a root is lost: statuses, and, while there is no root Secret, leaf Secrets.
//!
//! The operator's `plan::authority::evidence` judges; what is gathered for it stands here. Only the operator writes statuses in the
//! model, so that each has its proof. Statuses are seen as they are: an index that lags is not modelled, nor a status write under way.

use std::sync::Arc;

use mtls_operator::plan::authority::evidence::{Explained, LeafClaim, Traces};
use mtls_operator::plan::authority::known_signers::{Claimant, KnownSigners, RecordedSigner};

use crate::events::ReplicaId;
use crate::mutation::Mutation;
use crate::pki::{RootId, Roots};
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
        if self.has(Mutation::CreatesByStaleIndex) && state.ca.is_none() {
            return false;
        }
        let counts = |status: &Status| status.end >= now || self.has(Mutation::ExpiredLeavesAreEvidence);
        let statuses = state.workloads.iter().filter_map(|one| self.status(one)).filter(counts);
        self.decisions.has_evidence(Gathered {
            recorded: state.recorded,
            claimed: Roots::of(statuses.map(|status| status.signer)),
            has_leaf_secret: state.workloads.iter().any(|workload| workload.secret.is_some()),
            explained: state.ca.map(|ca| Roots::of((0..8).filter(|root| ca.knows(*root)))),
        })
    }

    /// Status names the signer before a replica signs with it.
    pub fn publish(&self, state: &mut State, id: ReplicaId, signs: bool) {
        let ca = state.ca.filter(|_| signs);
        let is_late = self.has(Mutation::NamesSignerAfterItsFirstLeaf);
        let named = ca.map(|ca| ca.signer).filter(|signer| !is_late || state.newest >= Some(*signer));
        state.recorded = named.or(state.recorded);
        self.record_taken(state);
        state.replica(id).view = ca.map_or(View::Unknown, |_| View::Current);
    }

    /// The reconcile of an identity ends with its status, which says what the Secret holds, also where the replica does not sign.
    pub fn record(&self, state: &mut State, id: ReplicaId, of: usize) {
        if !self.scope.status_lags {
            return;
        }
        let replica = *state.replica(id);
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

/// What is gathered before a root is called lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Gathered {
    /// The signer that the status of the authority names.
    pub recorded: Option<RootId>,
    /// Signers that the statuses of identities name.
    pub claimed: Roots,
    /// Whether an identity has a leaf Secret.
    pub has_leaf_secret: bool,
    /// The signers that the root Secret explains, if there is one. Its evidence key is always the same.
    pub explained: Option<Roots>,
}

impl Gathered {
    /// What the operator makes of it.
    #[must_use]
    pub fn is_evidence(self) -> bool {
        let text = String::new;
        let known = KnownSigners {
            recorded: self.recorded.map(|key_id| RecordedSigner { key_id, text: text() }),
            evidence_key_id: None,
            claimants: self.claimed.iter().map(claimant).collect(),
        };
        let explained = self.explained.map_or(Explained::Nothing, |signers| Explained::Held {
            signers: signers.iter().collect(),
            evidence_key_id: Some(text()),
            lost_evidence_key_id: None,
        });
        let traces = Traces::of(&known);
        let proven = traces.unsettled(&explained).next();
        let claim = || LeafClaim { namespace: text(), identity: text(), secret: text() };
        let leaf_secret = self.has_leaf_secret.then(claim);
        Traces { proven, leaf_secret, ..traces }.evidence("the root Secret", &explained).is_some()
    }
}

fn claimant(key_id: RootId) -> Claimant<RootId> {
    Claimant { namespace: Arc::from(""), name: Box::from(""), key_id, has_proof: true }
}
