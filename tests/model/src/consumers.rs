//! What consumers may have in memory: every leaf and every bundle that they can have loaded, together or one by one.
//! It is not recorded which consumer holds what, since any two of them must be able to shake hands.

use crate::pki::{Chain, Roots};
use crate::time::{Ticks, later};

/// A leaf that a consumer may present until then, though no Secret holds it any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Presented {
    /// Its chain.
    pub chain: Chain,
    /// Until when.
    pub left: Ticks,
}

/// A trust bundle that a consumer may go by until then, though no Secret holds it any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Believed {
    /// Its roots.
    pub bundle: Roots,
    /// Until when; that tick is not in it.
    pub left: Ticks,
}

/// What consumers may hold that no Secret holds any more. Of what differs in time only, the longest is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Consumers {
    leaves: Vec<Presented>,
    bundles: Vec<Believed>,
}

impl Consumers {
    /// Leaves that may be presented.
    pub fn leaves(&self) -> impl Iterator<Item = Presented> {
        self.leaves.iter().copied()
    }

    /// Bundles that may be believed.
    pub fn bundles(&self) -> impl Iterator<Item = Roots> {
        self.bundles.iter().map(|believed| believed.bundle)
    }

    /// A leaf is in no Secret any more.
    pub fn keep_leaf(&mut self, chain: Chain, left: Ticks) {
        if left < 0 {
            return;
        }
        match self.leaves.binary_search_by_key(&chain, |presented| presented.chain) {
            Ok(at) => self.leaves[at].left = self.leaves[at].left.max(left),
            Err(at) => self.leaves.insert(at, Presented { chain, left }),
        }
    }

    /// A bundle is in a Secret no more.
    pub fn keep_bundle(&mut self, bundle: Roots, left: Ticks) {
        match self.bundles.binary_search_by_key(&bundle, |believed| believed.bundle) {
            Ok(at) => self.bundles[at].left = self.bundles[at].left.max(left),
            Err(at) => self.bundles.insert(at, Believed { bundle, left }),
        }
    }

    /// A tick passes.
    pub fn pass_time(&mut self) {
        for presented in &mut self.leaves {
            presented.left = later(presented.left, -1);
        }
        self.leaves.retain(|presented| presented.left >= 0);
        for believed in &mut self.bundles {
            believed.left = later(believed.left, 0);
        }
        self.bundles.retain(|believed| believed.left > 0);
    }
}
