//! What the root Secret holds, and what each transition makes of it: the writes of `operator::root_change`, without their
//! bytes.

use mtls_operator::api::authority::Phase;

use crate::facts;
use crate::pki::{Pki, RootId, Roots};
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

/// A root that is announced.
#[derive(Clone, Copy, Debug)]
pub struct Next {
    /// Which.
    pub root: RootId,
    /// Whether the signer has certified it.
    pub is_certified: bool,
    /// Whether people have provided it.
    pub is_provided: bool,
}

/// The root Secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ca {
    /// Phase of the rotation.
    pub phase: Phase,
    /// ReplicaId signs.
    pub signer: RootId,
    /// ReplicaId will sign.
    pub next: Option<RootId>,
    /// ReplicaId has signed.
    pub retiring: [Option<Retiring>; 2],
    /// The roots whose cross-certificates are kept: the signer's, and the announced root's.
    pub crosses: Roots,
    /// The roots that the signer has certified, whatever became of them.
    pub certified: Roots,
    /// The signer and the announced root, where people have provided them.
    pub provided: Roots,
    /// Roots that are trusted no more, and known to have signed.
    pub former: Roots,
    /// Those that left because they are distrusted.
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
    /// One that has just been made.
    #[must_use]
    pub fn new(signer: RootId, longest: Ticks) -> Self {
        Self {
            phase: Phase::Stable,
            signer,
            next: None,
            retiring: [None; 2],
            crosses: Roots::default(),
            certified: Roots::default(),
            provided: Roots::default(),
            former: Roots::default(),
            expelled: Roots::default(),
            taken: Roots::default(),
            named: Roots::default(),
            lost: Roots::default(),
            former_trust: None,
            since: 0,
            step_ends: -1,
            answered: 0,
            longest,
        }
    }

    /// ReplicaId is retiring.
    #[must_use]
    pub fn retiring(&self) -> Roots {
        Roots::of(self.retiring.iter().flatten().map(|former| former.root))
    }

    /// The trust bundle in force.
    #[must_use]
    pub fn trust(&self) -> Roots {
        self.all().minus(self.lost)
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

    /// The next root is stored. `step_ends` is when the last Secret follows.
    #[must_use]
    pub fn announce(self, next: Next, answered: u8, step_ends: Ticks) -> Self {
        let Next { root, is_certified, is_provided } = next;
        let with = |set: Roots, is_in: bool| if is_in { set.with(root) } else { set };
        let crosses = with(self.crosses_without_next(), is_certified);
        let certified = with(self.certified, is_certified);
        let provided = with(self.provided_signer(), is_provided);
        let former_trust = Some(self.trust());
        let begun = self.begun(Phase::Announced, step_ends);
        Self { next: Some(root), crosses, certified, provided, former_trust, answered, ..begun }
    }

    /// The next root is forgotten.
    #[must_use]
    pub fn withdraw(self, step_ends: Ticks) -> Self {
        let (crosses, former_trust) = (self.crosses_without_next(), Some(self.trust()));
        let provided = self.provided_signer();
        Self { next: None, crosses, provided, former_trust, ..self.begun(Phase::Stable, step_ends) }
    }

    /// The next root signs.
    #[must_use]
    pub fn switch(self, until: Ticks, longest: Ticks, step_ends: Ticks) -> Self {
        let Some(signer) = self.next else { return self };
        let retired = Retiring { root: self.signer, until, certified: self.certified };
        let mut all = self.retiring.into_iter().flatten().chain([retired]);
        let retiring = [all.next(), all.next()];
        let crosses = Roots::of(self.crosses.iter().filter(|root| *root == signer));
        let (certified, provided) = (Roots::default(), self.provided.without(self.signer));
        let begun = self.begun(Phase::Draining, step_ends);
        Self { signer, next: None, retiring, crosses, certified, provided, longest, ..begun }
    }

    /// Another root signs at once, without a cross-certificate. What is distrusted goes.
    #[must_use]
    pub fn succeed(self, signer: RootId, is_provided: bool, longest: Ticks) -> Self {
        let left = self.expelling(self.lost.minus(Roots::one(signer)));
        let phase = if left.retiring[0].is_none() { Phase::Stable } else { Phase::Draining };
        Self {
            signer,
            next: None,
            former: left.former.with(self.signer),
            former_trust: Some(self.trust()),
            crosses: Roots::default(),
            certified: Roots::default(),
            provided: Roots::of(is_provided.then_some(signer)),
            longest,
            ..left.begun(phase, 0)
        }
    }

    /// These retiring roots are trusted no more.
    #[must_use]
    pub fn drop(self, gone: Roots, pki: &Pki, keeps_crosses: bool, step_ends: Ticks) -> Self {
        let is_riddance = self.gets_rid_of(gone);
        // What was known before has had its time, where nothing is distrusted.
        let former = if is_riddance { self.former.union(gone) } else { gone };
        let left = self.without(gone);
        let phase = if left.retiring[0].is_none() { Phase::Stable } else { Phase::Draining };
        let are_kept = keeps_crosses || phase != Phase::Stable;
        let is_sound = |root: &RootId| pki.certified_by(*root).is_none_or(|by| !self.lost.contain(by));
        let crosses = Roots::of(self.crosses.iter().filter(is_sound).filter(|_| are_kept));
        let former_trust = Some(self.trust());
        let left = if is_riddance { self.expelling(gone) } else { left };
        Self { crosses, former, former_trust, ..left.begun(phase, step_ends) }
    }

    /// Whether some of those leave because they are distrusted.
    #[must_use]
    pub fn gets_rid_of(&self, gone: Roots) -> bool {
        !gone.minus(gone.minus(self.lost)).is_empty()
    }

    /// What was distrusted leaves, and is remembered.
    fn expelling(self, gone: Roots) -> Self {
        let gone = Roots::of(gone.iter().filter(|root| self.all().contain(*root)));
        let left = self.without(gone);
        let taken = self.taken.union(gone.minus(self.named));
        Self { former: self.former.union(gone), expelled: self.expelled.union(gone), taken, ..left }
    }

    fn without(self, gone: Roots) -> Self {
        let mut left = self.retiring.into_iter().flatten().filter(|former| !gone.contain(former.root));
        Self { retiring: [left.next(), left.next()], ..self }
    }

    /// The same, read where these are distrusted: with what goes along, unless the closure is left out.
    #[must_use]
    pub fn read(self, named: Roots, has_closure: bool) -> Self {
        let lost = if has_closure && !named.is_empty() { facts::closed(&self, named) } else { named };
        Self { named, lost, ..self }
    }

    fn provided_signer(&self) -> Roots {
        Roots::of(self.provided.iter().filter(|root| *root == self.signer))
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
