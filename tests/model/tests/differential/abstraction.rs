//! The operator's root Secret in the model's words.

use mtls_operator::operator::authority::root::loaded_ca::LoadedCa;
use mtls_operator::pki::CrossCertificate;
use mtls_operator::plan::authority::ca_state::CaState;
use rotation_model::ca::{Ca, Former, Retiring};
use rotation_model::pki::{RootId, Roots};
use rotation_model::time::{FAR, PROPAGATION, Ticks, span};

use super::pair::{Made, Pair};

impl Pair {
    /// The operator's root Secret in the model's words.
    pub(super) fn abstracted(&self, held: &LoadedCa) -> Ca {
        let root = &held.state();
        let (signer, next) = (self.root(&root.fingerprint), root.next.as_ref());
        let number = next.map(|next| self.root(&next.fingerprint));
        let mut retiring = held.retiring.iter().map(|former| Retiring {
            root: self.root(&former.fingerprint),
            until: self.ticks(former.until).max(0),
            certified: self.roots(former.certified.as_ref().unwrap()),
        });
        let (former, expelled, taken) = self.former(held);
        Ca {
            phase: root.phase,
            signer,
            next: number,
            retiring: [retiring.next(), retiring.next()],
            crosses: self.crosses(held, signer, number),
            certified: self.roots(&held.certified()),
            provided: Roots::of(
                Some(signer)
                    .filter(|_| root.origin.is_provided())
                    .into_iter()
                    .chain(number.filter(|_| next.is_some_and(|next| next.origin.is_provided()))),
            ),
            former,
            expelled,
            taken,
            named: self.named,
            lost: self.lost(root).union(self.named),
            former_trust: self.former_trust(held.former_trust.as_ref()),
            since: self.since(self.ticks(root.since)),
            step_ends: held.step.map_or(-1, |step| self.ticks(step.ends).max(-1)),
            answered: root.rotate_request.as_ref().map_or(0, |text| text.parse().unwrap()),
            longest: Ticks::try_from(root.max_leaf_ttl / span(1).as_secs()).unwrap(),
        }
    }

    /// The roots whose cross-certificates are in force.
    fn crosses(&self, held: &LoadedCa, signer: RootId, next: Option<RootId>) -> Roots {
        let is_in_force = |cross: &&CrossCertificate| cross.is_valid_at(self.now(0));
        let cross = held.signer.cross.as_ref().filter(is_in_force).map(|_| signer);
        Roots::of(
            cross
                .into_iter()
                .chain(next.filter(|_| held.next.as_ref().is_some_and(|next| next.cross.is_some()))),
        )
    }

    /// Signers of the past; those of them that are distrusted; and those of these that people have not named.
    fn former(&self, held: &LoadedCa) -> (Former, Roots, Roots) {
        let all = || held.former.iter().map(|former| (self.key(&former.key_id), former));
        let known =
            all().fold(Former::NONE, |known, (root, former)| known.with(root, self.last_tick(former.until)));
        let expelled = all().filter(|(_, former)| former.distrusted).map(|(root, _)| root);
        let taken = all().filter(|(_, former)| former.taken.is_some()).map(|(root, _)| root);
        (known, Roots::of(expelled), Roots::of(taken))
    }

    /// The model forgets how long a phase has lasted, where nothing depends on it.
    pub(super) fn since(&self, since: Ticks) -> Ticks {
        let never_ends = self.pki.end(self.ca.signer) == FAR;
        if never_ends { since.max(-PROPAGATION - 1) } else { since }
    }

    fn lost(&self, root: &CaState) -> Roots {
        let retiring = root.retiring.iter().map(|former| (&former.fingerprint, &former.distrusted));
        let next = root.next.iter().map(|next| (&next.fingerprint, &next.distrusted));
        let all = retiring.chain(next).chain([(&root.fingerprint, &root.distrusted)]);
        Roots::of(all.filter(|(_, why)| why.is_some()).map(|(found, _)| self.root(found)))
    }

    /// The set of roots of which this is the hash: that of the model, or none that the model knows.
    fn former_trust(&self, hash: Option<&String>) -> Option<Roots> {
        let roots = self.ca.former_trust.unwrap_or_default();
        let bundles = roots.iter().map(|root| self.made[usize::from(root)].anchors.clone());
        let expected = bundles.reduce(|one, other| one.union(&other)).map(|bundle| bundle.hash());
        hash.map(|hash| if expected.as_ref() == Some(hash) { roots } else { Roots::default() })
    }

    pub(super) fn root(&self, fingerprint: &str) -> RootId {
        self.place(|made| made.fingerprint.to_string() == fingerprint)
    }

    pub(super) fn key(&self, key_id: &str) -> RootId {
        self.place(|made| made.key_id == key_id)
    }

    pub(super) fn place(&self, is_it: impl Fn(&Made) -> bool) -> RootId {
        RootId::try_from(self.made.iter().position(is_it).expect("a root that the model knows")).unwrap()
    }

    fn roots(&self, fingerprints: &[String]) -> Roots {
        Roots::of(fingerprints.iter().map(|found| self.root(found)))
    }
}
