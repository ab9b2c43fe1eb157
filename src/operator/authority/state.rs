//! What the controller keeps of each authority between reconciles.
//!
//! It is one record, which is removed as a whole.

use std::collections::HashMap;

use super::outcome::{Applied, RootOutcome};
use super::rotating::rotating_message;
use super::rotation::blockers::Blockers;
use super::rotation::quiet_period::RotationQuietPeriod;
use crate::api::MtlsAuthority;
use crate::api::authority::Phase;
use crate::plan::authority::progress::RotationProgress;
use crate::plan::authority::spec::AuthoritySpec;

/// What is kept of one authority between its reconciles.
#[derive(Default)]
pub struct AuthorityState {
    uid: Option<String>,
    /// For how long nothing was behind in its rotation.
    pub quiet_period: RotationQuietPeriod,
    /// Changes of its roots that no Event reports yet, in their order.
    pub unreported: Vec<Applied>,
    /// The reason of `Ready` that was logged last.
    pub logged_reason: Option<&'static str>,
    /// Its rotation, as the last reconcile found it.
    pub rotation: LastRotation,
}

/// A rotation, as a reconcile found it.
#[derive(Clone, Debug, Default)]
pub enum LastRotation {
    /// There is none.
    #[default]
    None,
    /// It is not known whether there is one.
    Unknown,
    /// It is under way.
    UnderWay {
        /// How far it is.
        progress: RotationProgress,
        /// The same in a sentence.
        message: String,
        /// What it waits for.
        blockers: Box<Blockers>,
    },
}

impl AuthorityState {
    /// Sets the rotation after a reconcile.
    pub fn set_rotation(&mut self, spec: &AuthoritySpec, outcome: &RootOutcome) {
        self.rotation = match outcome.root() {
            _ if !outcome.progress.is_known() => LastRotation::Unknown,
            Some(root) if root.phase != Phase::Stable => LastRotation::UnderWay {
                progress: outcome.progress,
                message: rotating_message(outcome, spec),
                blockers: Box::new(outcome.blockers.clone()),
            },
            _ => LastRotation::None,
        };
    }
}

/// The states of all authorities that this replica has reconciled since it leads.
///
/// # Guarantees
/// An authority that is deleted and created again under its name starts with an empty state, also if the deletion was never
/// noticed: a state belongs to one uid.
#[derive(Default)]
pub struct AuthorityStates(HashMap<String, AuthorityState>);

impl AuthorityStates {
    /// The state of an authority.
    pub fn of(&mut self, authority: &MtlsAuthority) -> &mut AuthorityState {
        let name = authority.metadata.name.clone().unwrap_or_default();
        let uid = &authority.metadata.uid;
        let state = self.0.entry(name).or_default();
        if state.uid != *uid {
            *state = AuthorityState { uid: uid.clone(), ..AuthorityState::default() };
        }
        state
    }

    /// The rotation of an authority, as its last reconcile found it.
    #[must_use]
    pub fn rotation(&self, name: &str) -> &LastRotation {
        self.0.get(name).map_or(&LastRotation::None, |state| &state.rotation)
    }

    /// Whether a rotation is under way.
    #[must_use]
    pub fn is_any_rotating(&self) -> bool {
        self.0.values().any(|state| matches!(state.rotation, LastRotation::UnderWay { .. }))
    }

    /// The names of the authorities.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }

    /// Removes the state of an authority: it was deleted, or another operator serves it.
    pub fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// Another replica leads from now on. Only what no Event reports yet is kept.
    pub fn step_down(&mut self) {
        for state in self.0.values_mut() {
            let (uid, unreported) = (state.uid.take(), std::mem::take(&mut state.unreported));
            *state = AuthorityState { uid, unreported, ..AuthorityState::default() };
        }
    }
}
