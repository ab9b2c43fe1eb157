//! What the root Secret holds. What each transition makes of it is in `transition`, and `tests/differential.rs` compares
//! both with the Secret that the operator writes and loads.

use mtls_operator::api::authority::Phase;

use crate::facts;
use crate::pki::{Pki, ROOTS, RootId, Roots};
use crate::time::{FAR, PROPAGATION, Ticks, later};

/// A root that signs no more and is still trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Retiring {
    /// Which.
    pub root: RootId,
    /// Until when it must stay trusted.
    pub until: Ticks,
    /// The roots that it has certified.
    pub certified: Roots,
}

/// The root Secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ca {
    /// Phase of the rotation.
    pub phase: Phase,
    /// The root that signs.
    pub signer: RootId,
    /// The announced root.
    pub next: Option<RootId>,
    /// Roots that sign no more and are still trusted.
    pub retiring: [Option<Retiring>; 2],
    /// The roots whose cross-certificates are kept: the signer's, and the announced root's.
    pub crosses: Roots,
    /// The roots that the signer has certified, whatever became of them.
    pub certified: Roots,
    /// The signer and the announced root, where people have provided them.
    pub provided: Roots,
    /// Signers that are trusted no more, and whose leaves may be left.
    pub former: Former,
    /// Those of them that left because they are distrusted.
    pub expelled: Roots,
    /// Those of them that spec and status did not name.
    pub taken: Roots,
    /// What spec and status distrust.
    pub named: Roots,
    /// What of the root Secret is distrusted therefore.
    pub lost: Roots,
    /// The trust bundle before the last change.
    pub former_trust: Option<Roots>,
    /// When the phase began.
    pub since: Ticks,
    /// When the last Secret follows the last change.
    pub step_ends: Ticks,
    /// The request that was answered last.
    pub answered: u8,
    /// The longest lifetime of leaves, as it was recorded.
    pub longest: Ticks,
}

impl Ca {
    /// One that was just made, by a replica with this clock.
    #[must_use]
    pub fn new(signer: RootId, longest: Ticks, now: Ticks) -> Self {
        Self {
            phase: Phase::Stable,
            signer,
            next: None,
            retiring: [None; 2],
            crosses: Roots::default(),
            certified: Roots::default(),
            provided: Roots::default(),
            former: Former::NONE,
            expelled: Roots::default(),
            taken: Roots::default(),
            named: Roots::default(),
            lost: Roots::default(),
            former_trust: None,
            since: now,
            step_ends: -1,
            answered: 0,
            longest,
        }
    }

    /// The roots that are retiring.
    #[must_use]
    pub fn retiring(&self) -> Roots {
        Roots::of(self.retiring.iter().flatten().map(|former| former.root))
    }

    /// The trust bundle in force. It is never empty.
    #[must_use]
    pub fn trust(&self) -> Roots {
        let left = self.all().minus(self.leaving());
        if left.is_empty() { self.all() } else { left }
    }

    /// The roots that are kept out of the trust bundle. A signer that is distrusted with another root is replaced before
    /// its root leaves.
    fn leaving(&self) -> Roots {
        let others = self.all().without(self.signer);
        others.both(self.lost).union(self.all().both(self.named))
    }

    /// The roots whose cross-certificates are served with leaves: the signer's, unless a root that is distrusted made it.
    #[must_use]
    pub fn served(&self, pki: &Pki) -> Roots {
        let is_sound = |root: &RootId| pki.certified_by(*root).is_none_or(|by| !self.leaving().contain(by));
        let is_served = |root: &RootId| *root == self.signer && pki.cross_end(*root) >= 0 && is_sound(root);
        Roots::of(self.crosses.iter().filter(is_served))
    }

    /// Every root in it.
    #[must_use]
    pub fn all(&self) -> Roots {
        self.retiring().iter().chain(self.next).fold(Roots::one(self.signer), Roots::with)
    }

    /// The roots that one of them has certified, as far as it is known.
    #[must_use]
    pub fn certified_by(&self, root: RootId) -> Roots {
        let retiring = self.retiring.iter().flatten().find(|former| former.root == root);
        let signer = Some(self.certified).filter(|_| self.signer == root);
        signer.or(retiring.map(|former| former.certified)).unwrap_or_default()
    }

    /// Whether its signer is distrusted: nothing is signed with it.
    #[must_use]
    pub const fn is_lost(&self) -> bool {
        self.lost.contain(self.signer)
    }

    /// Whether it explains the leaves of a root.
    #[must_use]
    pub fn knows(&self, root: RootId) -> bool {
        self.signer == root || self.retiring().contain(root) || self.former.contain(root)
    }

    /// The same, read where these are distrusted: with what is distrusted with them, unless the closure is left out.
    #[must_use]
    pub fn read(self, named: Roots, has_closure: bool) -> Self {
        let lost = if has_closure && !named.is_empty() { facts::closed(&self, named) } else { named };
        Self { named, lost, ..self }
    }

    /// A tick passes.
    pub fn pass_time(&mut self, pki: &Pki) {
        // Under a signer that never ends nothing depends on how long a phase has lasted, once that was long enough.
        let oldest = if pki.end(self.signer) == FAR { PROPAGATION + 1 } else { FAR - 1 };
        self.since = later(self.since, -oldest);
        self.step_ends = later(self.step_ends, -1);
        for former in self.retiring.iter_mut().flatten() {
            former.until = later(former.until, 0);
        }
        let next = self.next;
        let is_kept = |root: &RootId| pki.cross_end(*root) >= 0 || Some(*root) == next;
        self.crosses = Roots::of(self.crosses.iter().filter(is_kept));
        self.former.pass_time();
    }
}

/// Signers that are trusted no more. Each is known until its leaves can have ended, and the list is written again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Former([Ticks; ROOTS]);

/// In the place of a root that is not known.
const UNKNOWN: Ticks = -2;

impl Former {
    /// None.
    pub const NONE: Self = Self([UNKNOWN; ROOTS]);

    /// These and one more, with the last tick in which a leaf of it can be valid.
    #[must_use]
    pub fn with(mut self, root: RootId, until: Ticks) -> Self {
        self.0[usize::from(root)] = until.max(-1);
        self
    }

    /// Those of which a leaf can be valid then.
    #[must_use]
    pub fn needed_at(self, now: Ticks) -> Self {
        Self(self.0.map(|until| if until >= now { until } else { UNKNOWN }))
    }

    /// Whether this root is one of them.
    #[must_use]
    pub const fn contain(&self, root: RootId) -> bool {
        self.0[root as usize] != UNKNOWN
    }

    /// Until when a leaf of a root can be valid; -1 where none can any more.
    #[must_use]
    pub const fn until(&self, root: RootId) -> Ticks {
        self.0[root as usize]
    }

    /// All of them.
    #[must_use]
    pub fn roots(&self) -> Roots {
        Roots::of((0..).take(ROOTS).filter(|root| self.contain(*root)))
    }

    fn pass_time(&mut self) {
        self.0 = self.0.map(|until| if until == UNKNOWN { until } else { later(until, -1) });
    }
}
