//! The outcome of one reconcile of a root.

use super::root::loaded_ca::{LoadedCa, LoadedRoot};
use super::rotation::blockers::Blockers;
use crate::operator::error::Error;
use crate::operator::issuers::ClockReading;
use crate::plan::authority::ca_state::CaState;
use crate::plan::authority::decision::RootDecision;
use crate::plan::authority::progress::{Deferred, RotationProgress};

/// What holds after a reconcile: nothing remains to be done to the root Secret, or something blocks it.
pub struct RootOutcome {
    /// The decision.
    pub decision: RootDecision,
    /// The root Secret.
    pub loaded: LoadedRoot,
    /// What the rotation waits for.
    pub blockers: Blockers,
    /// How far the rotation is.
    pub progress: RotationProgress,
    /// What waits for its end.
    pub deferred: Option<Deferred>,
    /// Whether the value of the annotation `rotation-exclude` was used by an earlier rotation.
    pub is_exclusion_spent: bool,
    /// The moment before the root Secret was read.
    pub read_at: ClockReading,
    /// What kept a change from being made: the rest holds, and this is tried again.
    pub error: Option<Error>,
}

impl RootOutcome {
    /// The state of the roots of this authority, where the root Secret shows it.
    #[must_use]
    pub fn root(&self) -> Option<CaState> {
        self.loaded.held().filter(|_| self.progress.is_known()).map(LoadedCa::state)
    }

    /// The CA in force, while it signs.
    #[must_use]
    pub fn signing(&self) -> Option<&LoadedCa> {
        self.loaded.held().filter(|_| self.decision.signs)
    }
}

/// A change of the roots that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Its word, for Events and metrics.
    pub transition: &'static str,
    /// What the user must know or do because of it, where it can break connections.
    pub warning: Option<String>,
}
