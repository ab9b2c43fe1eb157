//! What each transition makes of the root Secret: the writes of the operator's `root_change::Change`, without their bytes.
//! `tests/differential.rs` compares the two after each of thousands of transitions, with real certificates.

use mtls_operator::api::authority::Phase;
use mtls_operator::plan::authority::origin::Origin;
use mtls_operator::plan::authority::safeguards::Safeguard;
use mtls_operator::plan::authority::transition::{NextRoot, Transition};

use crate::ca::{Ca, Retiring};
use crate::decisions::{Decisions, dropped};
use crate::pki::{Pki, RootId, Roots};
use crate::time::Ticks;

/// A transition, and what it depends on besides the root Secret.
pub struct Change<'a> {
    /// The operator's decisions, which tell how long steps take.
    pub decisions: &'a Decisions,
    /// How often people have asked for a rotation.
    pub asked: u8,
    /// The longest lifetime of leaves that people want.
    pub longest: Ticks,
    /// The clock of the replica.
    pub now: Ticks,
}

impl Change<'_> {
    /// The root Secret after a transition. `enters` is the root that is announced by it, or signs at once, and was not
    /// announced before. `None` where the transition needs a root that is not there.
    #[must_use]
    pub fn apply(&self, ca: Ca, to: &Transition, enters: Option<RootId>, pki: &mut Pki) -> Option<Ca> {
        Some(match to {
            Transition::Announce(origin, _) => self.announce(ca, enters?, *origin, pki),
            Transition::Withdraw => self.withdraw(ca, pki),
            Transition::Switch { .. } => self.switch(ca, pki)?,
            Transition::Succeed(NextRoot::Existing) => {
                let next = ca.next?;
                self.succeed(ca, next, ca.provided.contain(next), pki)
            }
            Transition::Succeed(NextRoot::New(origin)) => {
                let after = self.succeed(ca, enters?, *origin == Origin::Provided, pki);
                Ca { answered: self.asked, ..after }
            }
            Transition::Drop(gone) => self.drop(ca, dropped(gone), pki),
            Transition::RaiseMaxLeafTtl => Ca { longest: self.longest, ..ca },
            Transition::Replace => return None,
        })
    }

    /// The next root is stored, and certified where the signer may do that.
    fn announce(&self, ca: Ca, root: RootId, origin: Origin, pki: &mut Pki) -> Ca {
        let may_certify = self.decisions.safeguards().hold(Safeguard::CrossCertificates);
        let is_certified = may_certify && !ca.provided.contain(ca.signer);
        if is_certified {
            pki.certify(root, ca.signer);
        }
        let with = |set: Roots, is_in: bool| if is_in { set.with(root) } else { set };
        Ca {
            next: Some(root),
            crosses: with(ca.crosses.both(Roots::one(ca.signer)), is_certified),
            certified: with(ca.certified, is_certified),
            provided: with(ca.provided.both(Roots::one(ca.signer)), origin == Origin::Provided),
            former_trust: Some(ca.trust()),
            answered: self.asked,
            ..self.begun(ca, Phase::Announced, self.end_of_former(&ca, pki))
        }
    }

    /// The next root is forgotten: it never signed.
    fn withdraw(&self, ca: Ca, pki: &Pki) -> Ca {
        let signer = Roots::one(ca.signer);
        Ca {
            next: None,
            crosses: ca.crosses.both(signer),
            provided: ca.provided.both(signer),
            former_trust: Some(ca.trust()),
            ..self.begun(ca, Phase::Stable, self.end_of_former(&ca, pki))
        }
    }

    /// The next root signs.
    fn switch(&self, ca: Ca, pki: &Pki) -> Option<Ca> {
        let signer = ca.next?;
        let until = self.decisions.drain_bound(&ca, pki, self.now);
        let retired = Retiring { root: ca.signer, until, certified: ca.certified };
        let mut all = ca.retiring.into_iter().flatten().chain([retired]);
        Some(Ca {
            signer,
            next: None,
            retiring: [all.next(), all.next()],
            crosses: ca.crosses.both(Roots::one(signer)),
            certified: Roots::default(),
            provided: ca.provided.both(Roots::one(signer)),
            longest: self.longest,
            ..self.begun(ca, Phase::Draining, pki.end(ca.signer))
        })
    }

    /// Another root signs at once, without a cross-certificate. Every root that is distrusted leaves.
    fn succeed(&self, ca: Ca, signer: RootId, is_provided: bool, pki: &Pki) -> Ca {
        let bound = self.decisions.drain_bound(&ca, pki, self.now);
        let discarded = ca.next.filter(|next| *next != signer && ca.lost.contain(*next));
        let left = self.without(ca, ca.retiring().both(ca.lost));
        let former = discarded.map_or(left.former, |next| left.former.with(next, self.now));
        let left = Ca { former: former.with(ca.signer, bound - 1), ..left };
        let expelled = Roots::of(discarded).with(ca.signer).both(ca.lost);
        let phase = if left.retiring[0].is_none() { Phase::Stable } else { Phase::Draining };
        Ca {
            signer,
            next: None,
            former_trust: Some(ca.trust()),
            crosses: Roots::default(),
            certified: Roots::default(),
            provided: Roots::of(is_provided.then_some(signer)),
            longest: self.longest,
            ..self.begun(left.expelling(expelled), phase, self.now)
        }
    }

    /// These retiring roots are trusted no more.
    fn drop(&self, ca: Ca, gone: Roots, pki: &Pki) -> Ca {
        let gone = gone.both(ca.retiring());
        let is_riddance = ca.expels_any_of(gone);
        let last = gone.iter().map(|root| pki.end(root)).max().filter(|_| !is_riddance);
        let left = self.without(ca, gone);
        let phase = if left.retiring[0].is_none() { Phase::Stable } else { Phase::Draining };
        let are_kept = phase != Phase::Stable || self.decisions.safeguards().hold(Safeguard::LastingCrosses);
        let is_sound = !is_riddance || ca.served(pki).contain(ca.signer);
        let crosses = if are_kept && is_sound { ca.crosses } else { ca.crosses.without(ca.signer) };
        let former_trust = Some(ca.trust());
        Ca { crosses, former_trust, ..self.begun(left, phase, last.unwrap_or(self.now)) }
    }

    /// These retiring roots leave. Their leaves are known until they have ended, and those of a distrusted root are replaced
    /// at once. A bound lies a second after a tick: the last leaf can be valid in the tick before. Former signers whose
    /// leaves have ended by now are forgotten.
    fn without(&self, ca: Ca, gone: Roots) -> Ca {
        let (leaving, left): (Vec<Retiring>, Vec<Retiring>) =
            ca.retiring.into_iter().flatten().partition(|former| gone.contain(former.root));
        let known = ca.former.needed_at(self.now);
        let former = leaving.iter().fold(known, |known, former| known.with(former.root, former.until - 1));
        let expelled = ca.expelled.both(known.roots());
        let taken = ca.taken.both(known.roots());
        let retiring = [left.first().copied(), left.get(1).copied()];
        Ca { retiring, former, expelled, taken, ..ca }.expelling(gone.both(ca.lost))
    }

    fn begun(&self, ca: Ca, phase: Phase, former_end: Ticks) -> Ca {
        Ca { phase, since: self.now, step_ends: self.decisions.step_end(former_end, self.now), ..ca }
    }

    /// When what leaves the bundles ends; at once, where that is distrusted.
    fn end_of_former(&self, ca: &Ca, pki: &Pki) -> Ticks {
        let is_riddance = ca.next.is_some_and(|next| ca.lost.contain(next));
        if is_riddance { self.now } else { pki.end(ca.signer) }
    }
}

impl Ca {
    /// Whether one of those leaves because it is distrusted.
    #[must_use]
    pub const fn expels_any_of(&self, gone: Roots) -> bool {
        !gone.both(self.lost).is_empty()
    }

    /// These leave because they are distrusted. Those that people have not named are recorded, for status.
    fn expelling(self, gone: Roots) -> Self {
        let taken = self.taken.union(gone.minus(self.named));
        Self { expelled: self.expelled.union(gone), taken, ..self }
    }
}
