//! What the root Secret holds, and what each transition makes of it: the writes of `operator::root_change`, without their
//! bytes.

use mtls_operator::api::authority::Phase;

use crate::pki::{Pki, RootId, Roots};
use crate::time::{FAR, PROPAGATION, Ticks, later};

/// A root that signs no more and is still trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Retiring {
    /// Which.
    pub root: RootId,
    /// Until when it must stay trusted.
    pub until: Ticks,
}

/// The root Secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ca {
    /// Phase of the rotation.
    pub phase: Phase,
    /// Who signs.
    pub signer: RootId,
    /// Who will sign.
    pub next: Option<RootId>,
    /// Who has signed.
    pub retiring: [Option<Retiring>; 2],
    /// The roots whose cross-certificates are kept: the signer's, and the announced root's.
    pub crosses: Roots,
    /// Roots that are trusted no more, and known to have signed.
    pub former: Roots,
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
    /// One that has just been made.
    #[must_use]
    pub fn new(signer: RootId, longest: Ticks) -> Self {
        Self {
            phase: Phase::Stable,
            signer,
            next: None,
            retiring: [None; 2],
            crosses: Roots::default(),
            former: Roots::default(),
            former_trust: None,
            since: 0,
            step_ends: -1,
            answered: 0,
            longest,
        }
    }

    /// Who is retiring.
    #[must_use]
    pub fn retiring(&self) -> Roots {
        Roots::of(self.retiring.iter().flatten().map(|former| former.root))
    }

    /// The trust bundle in force.
    #[must_use]
    pub fn trust(&self) -> Roots {
        self.retiring().iter().chain(self.next).fold(Roots::one(self.signer), Roots::with)
    }

    /// Whether it explains the leaves of a root.
    #[must_use]
    pub fn knows(&self, root: RootId) -> bool {
        self.signer == root || self.retiring().contain(root) || self.former.contain(root)
    }

    /// The next root is stored. `step_ends` is when the last Secret follows.
    #[must_use]
    pub fn announce(self, next: RootId, is_certified: bool, answered: u8, step_ends: Ticks) -> Self {
        let crosses = self.crosses_without_next();
        let crosses = if is_certified { crosses.with(next) } else { crosses };
        let former_trust = Some(self.trust());
        Self { next: Some(next), crosses, former_trust, answered, ..self.begun(Phase::Announced, step_ends) }
    }

    /// The next root is forgotten.
    #[must_use]
    pub fn withdraw(self, step_ends: Ticks) -> Self {
        let (crosses, former_trust) = (self.crosses_without_next(), Some(self.trust()));
        Self { next: None, crosses, former_trust, ..self.begun(Phase::Stable, step_ends) }
    }

    /// The next root signs.
    #[must_use]
    pub fn switch(self, until: Ticks, longest: Ticks, step_ends: Ticks) -> Self {
        let Some(signer) = self.next else { return self };
        let retired = Retiring { root: self.signer, until };
        let mut all = self.retiring.into_iter().flatten().chain([retired]);
        let retiring = [all.next(), all.next()];
        let crosses = Roots::of(self.crosses.iter().filter(|root| *root == signer));
        Self { signer, next: None, retiring, crosses, longest, ..self.begun(Phase::Draining, step_ends) }
    }

    /// Another root signs at once, and nobody vouches for it.
    #[must_use]
    pub fn succeed(self, signer: RootId, longest: Ticks) -> Self {
        let phase = if self.retiring() == Roots::default() { Phase::Stable } else { Phase::Draining };
        let (former, former_trust) = (self.former.with(self.signer), Some(self.trust()));
        let crosses = Roots::default();
        Self { signer, next: None, former, former_trust, crosses, longest, ..self.begun(phase, 0) }
    }

    /// These retiring roots are trusted no more.
    #[must_use]
    pub fn drop(self, gone: Roots, keeps_crosses: bool, step_ends: Ticks) -> Self {
        let mut left = self.retiring.into_iter().flatten().filter(|former| !gone.contain(former.root));
        let retiring = [left.next(), left.next()];
        let phase = if retiring[0].is_none() { Phase::Stable } else { Phase::Draining };
        let are_kept = keeps_crosses || phase != Phase::Stable;
        let crosses = if are_kept { self.crosses } else { Roots::default() };
        let former_trust = Some(self.trust());
        Self { retiring, former: gone, former_trust, crosses, ..self.begun(phase, step_ends) }
    }

    fn crosses_without_next(&self) -> Roots {
        self.next.map_or(self.crosses, |next| self.crosses.without(next))
    }

    fn begun(self, phase: Phase, step_ends: Ticks) -> Self {
        Self { phase, since: 0, step_ends, ..self }
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
        self.crosses = Roots::of(self.crosses.iter().filter(|root| pki.cross_end(*root) >= 0));
    }
}
