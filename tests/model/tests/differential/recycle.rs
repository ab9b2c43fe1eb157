//! Reuse of root numbers: the model has eight, and those of roots that are named nowhere any more are used again.

use rotation_model::ca::{Ca, Former, Retiring};
use rotation_model::pki::{Pki, RootId, Roots};

use super::pair::Pair;

impl Pair {
    /// Forgets the roots that are named nowhere any more.
    pub fn recycle(&mut self) {
        let kept: Vec<RootId> = (0..self.pki.made()).filter(|root| self.names().contain(*root)).collect();
        let to =
            |root: RootId| RootId::try_from(kept.iter().position(|kept| *kept == root).unwrap()).unwrap();
        let all = |roots: Roots| Roots::of(roots.iter().filter(|root| kept.contains(root)).map(to));
        let mut pki = Pki::EMPTY;
        for root in &kept {
            pki.make(self.pki.end(*root));
            // Of a cross-certificate that is not kept it does not matter which root made it.
            if let Some(by) = self.pki.certified_by(*root).filter(|by| kept.contains(by)) {
                pki.certify(to(*root), to(by));
            }
        }
        self.ca = renumbered(&self.ca, &to, &all);
        self.named = all(self.named);
        self.provided = self.provided.map(to);
        self.pki = pki;
        let mut place = 0..;
        self.made.retain(|_| place.next().is_some_and(|root: RootId| kept.contains(&root)));
    }

    fn names(&self) -> Roots {
        let ca = &self.ca;
        let retiring =
            ca.retiring.iter().flatten().fold(Roots::default(), |all, one| all.union(one.certified));
        let certifiers = Roots::of(ca.crosses.iter().filter_map(|root| self.pki.certified_by(root)));
        let known = ca.all().union(ca.certified).union(retiring).union(certifiers).union(ca.former.roots());
        known.union(ca.former_trust.unwrap_or_default()).union(Roots::of(self.provided))
    }
}

fn renumbered(ca: &Ca, to: &impl Fn(RootId) -> RootId, all: &impl Fn(Roots) -> Roots) -> Ca {
    let former =
        |former: Retiring| Retiring { root: to(former.root), certified: all(former.certified), ..former };
    Ca {
        signer: to(ca.signer),
        next: ca.next.map(to),
        retiring: ca.retiring.map(|one| one.map(former)),
        crosses: all(ca.crosses),
        certified: all(ca.certified),
        provided: all(ca.provided),
        former: ca
            .former
            .roots()
            .iter()
            .fold(Former::NONE, |known, root| known.with(to(root), ca.former.until(root))),
        expelled: all(ca.expelled),
        taken: all(ca.taken),
        named: all(ca.named),
        lost: all(ca.lost),
        former_trust: ca.former_trust.map(all),
        ..*ca
    }
}
