//! The promises that must hold in every state.

use crate::pki::{Chain, Roots};
use crate::state::{Broken, State};
use crate::world::World;

impl World {
    /// The promise that a state breaks, if it breaks one.
    #[must_use]
    pub fn broken(&self, state: &State) -> Option<Broken> {
        let is_mutual = || state.is_excused || self.is_mutual(state);
        let broken = state.broken.or_else(|| (!Self::is_rid(state)).then_some(Broken::Distrust));
        broken.or_else(|| (!is_mutual()).then_some(Broken::I2))
    }

    /// I2: from each leaf that a consumer may present there is a path to each bundle that a consumer may go by.
    fn is_mutual(&self, state: &State) -> bool {
        let secrets = || state.workloads.iter().filter_map(|workload| workload.secret);
        let current = secrets().filter(|secret| secret.leaf.end >= 0).map(|secret| secret.leaf.chain);
        let chains: Vec<Chain> =
            current.chain(state.consumers.leaves().map(|presented| presented.chain)).collect();
        let never_reloads = Some(Roots::one(0)).filter(|_| self.scope.never_reloads && state.pki.end(0) >= 0);
        let bundles =
            secrets().map(|secret| secret.bundle).chain(state.consumers.bundles()).chain(never_reloads);
        // A bundle whose roots have all expired accepts no leaf: that is excepted.
        let mut bundles = bundles.filter(|bundle| bundle.iter().any(|root| state.pki.end(root) >= 0));
        bundles.all(|bundle| chains.iter().all(|chain| state.pki.accept(bundle, *chain)))
    }
}
