//! Roots that people distrust, and what follows for the root Secret, its copies and its trust bundle. What is distrusted with
//! such a root is asked of `plan::distrust`, in `facts`.

use crate::ca::Ca;
use crate::mutation::Mutation;
use crate::pki::{Chain, RootId};
use crate::state::{State, View};
use crate::world::World;

impl World {
    /// People distrust a root. A replica that has read the root Secret before goes on as it is until it reads it again.
    pub fn distrust(&self, state: &mut State, root: RootId) -> Option<()> {
        if state.distrusted().contain(root) {
            return None;
        }
        state.named = state.named.with(root);
        let after = state.ca;
        self.write_ca_beside_in_flight(state, after);
        Some(())
    }

    /// The root Secret, and each copy of it, is read with what is distrusted now.
    pub fn tell_distrust(&self, state: &mut State) {
        let (named, has_closure) = (state.distrusted(), !self.has(Mutation::NoClosure));
        let flight = state.root_in_flight.as_mut().map(|flight| &mut flight.content);
        let copies = state.ca.iter_mut().chain(flight).chain(&mut state.backup).chain(&mut state.lost);
        copies.for_each(|ca| *ca = ca.read(named, has_closure));
        // Until both sides have loaded what follows, handshakes fail.
        state.is_excused |= state.ca.is_none_or(|ca| ca.expels_any_of(ca.all()));
    }

    /// Status names what was distrusted with another root, as `operator::authority_status` writes it.
    pub fn record_taken(&self, state: &mut State) {
        let taken = state.ca.map(|ca| ca.taken.minus(state.distrusted())).unwrap_or_default();
        if taken.is_empty() || self.has(Mutation::ForgetsTaken) {
            return;
        }
        state.taken = state.taken.union(taken);
        self.tell_distrust(state);
    }

    /// Whether people may restore a backup. One that is older than a cross-certificate of its root does not record it:
    /// people must wait until status names what went with the distrusted root.
    pub fn may_be_restored(&self, state: &State, backup: &Ca) -> bool {
        let is_known = |root| {
            let by = state.pki.certified_by(root).filter(|by| backup.all().contain(*by));
            by.is_none_or(|by| backup.certified_by(by).contain(root))
        };
        let is_told = || {
            let signs = |ca: &Ca| !ca.expels_any_of(ca.all()) && state.recorded == Some(ca.signer);
            let is_missing = |ca: &Ca| !ca.taken.minus(state.distrusted()).is_empty();
            let is_recorded = |ca: &Ca| !is_missing(ca) || self.has(Mutation::ForgetsTaken);
            !state.named.is_empty() && state.ca.is_some_and(|ca| signs(&ca) && is_recorded(&ca))
        };
        state.stored.iter().all(is_known) || is_told()
    }

    /// Where a replica signs that has read what is distrusted, the trust bundle in force refuses each leaf that is made with
    /// the key of a distrusted root, though it is shown with every cross-certificate that was ever made.
    pub fn is_rid(state: &State) -> bool {
        let signs = state.replicas.iter().any(|replica| replica.view == View::Current);
        let Some(ca) = state.ca.filter(|_| signs) else { return true };
        let mut stolen = state.distrusted().iter().map(Chain::stolen);
        !stolen.any(|chain| state.pki.accept(ca.trust(), chain))
    }
}
