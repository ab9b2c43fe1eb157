//! What each transition writes into the root Secret: one patch that names the version it was decided for, so that a
//! crash, a second replica or a restored backup finds one whole state or another.

use jiff::Timestamp;

use super::annotations::{FormerKey, Origin, RetiringRoot};
use super::distrusted::{certified, texts};
use super::load::{LoadedRoot, RotationState};
use super::patch::{NEXT, RootPatch, written};
use super::retiring::Leaving;
use crate::api::authority::Phase;
use crate::api::duration;
use crate::api::names::{annotation, key};
use crate::pki::{Authority, AuthorityPem, CrossCertificate};
use crate::plan::authority::decide::CaState;
use crate::plan::authority::rotation::{Rules, Source, drain_bound, step};
use crate::plan::authority::safeguards::Safeguard;
use crate::plan::authority::spec::AuthoritySpec;

/// As many are remembered, the newest: what annotations can hold is limited.
const MOST_CERTIFIED: usize = 500;

/// A root Secret and the moment at which it changes.
pub struct RootTransition<'a> {
    /// Its spec.
    pub terms: &'a AuthoritySpec,
    /// Rules of its rotation.
    pub rules: &'a Rules,
    /// What the Secret holds.
    pub root: &'a CaState,
    /// The CA in force.
    pub authority: &'a Authority,
    /// What surrounds it.
    pub succession: &'a RotationState,
    /// What people ask by annotations.
    pub requests: Requests<'a>,
    /// This moment.
    pub now: Timestamp,
}

/// What people ask of a rotation by annotations of the authority.
#[derive(Clone, Copy, Debug, Default)]
pub struct Requests<'a> {
    /// The value of `rotate`.
    pub rotate: Option<&'a str>,
    /// The value of `rotation-exclude`.
    pub exclude: Option<&'a str>,
}

impl<'a> RootTransition<'a> {
    /// A change of a root Secret, where that holds a root.
    #[must_use]
    pub fn of(
        loaded: &'a LoadedRoot,
        terms: &'a AuthoritySpec,
        rules: &'a Rules,
        requests: Requests<'a>,
        now: Timestamp,
    ) -> Option<Self> {
        let (root, authority) = (loaded.stored()?, loaded.authority.as_ref()?);
        Some(Self { terms, rules, root, authority, succession: &loaded.succession, requests, now })
    }

    /// The next root is stored, and trusted from now on, with the cross-certificate that the signer has made for it.
    #[must_use]
    pub fn announce(
        &self,
        next: &AuthorityPem,
        origin: Origin,
        cross: Option<&CrossCertificate>,
    ) -> RootPatch {
        let mut patch = self.begun(Phase::Announced, self.end_of_former());
        patch.note(annotation::NEXT_ORIGIN, origin.as_str());
        patch.note(annotation::FORMER_TRUST, &self.authority.bundle().hash());
        self.answer(&mut patch);
        patch.put(NEXT, next);
        patch.cross(key::CROSS_CERTIFICATE, self.cross());
        patch.cross(key::NEXT_CROSS_CERTIFICATE, cross);
        self.keep_certified(&mut patch);
        patch
    }

    /// The next root is forgotten: it never signed.
    #[must_use]
    pub fn withdraw(&self) -> RootPatch {
        let mut patch = self.begun(Phase::Stable, self.end_of_former());
        patch.note(annotation::FORMER_TRUST, &self.authority.bundle().hash());
        patch.forget(annotation::NEXT_ORIGIN);
        patch.drop_keys(NEXT);
        patch.cross(key::CROSS_CERTIFICATE, self.cross());
        patch.drop_keys([key::NEXT_CROSS_CERTIFICATE]);
        self.keep_certified(&mut patch);
        patch
    }

    /// The next root signs. The former one's private key is gone with this write.
    #[must_use]
    pub fn switch(&self, next: &AuthorityPem) -> RootPatch {
        let mut patch = self.begun(Phase::Draining, self.root.window.not_after);
        let origin = self.root.next.as_ref().is_some_and(|next| next.is_provided);
        patch.signer(next, if origin { Origin::Provided } else { Origin::Generated }, self.terms);
        let retiring = self.succession.retiring.iter().cloned().chain([self.retired()]);
        patch.json(annotation::RETIRING, &retiring.collect::<Vec<_>>());
        let anchors =
            self.succession.retiring_anchors.as_ref().map(|anchors| anchors.union(self.authority.anchors()));
        patch.text(key::RETIRING, anchors.as_ref().unwrap_or(self.authority.anchors()).to_pem());
        patch.cross(key::CROSS_CERTIFICATE, self.succession.next_cross.as_ref());
        patch.drop_keys([key::NEXT_CROSS_CERTIFICATE]);
        patch.forget(annotation::CERTIFIED);
        patch
    }

    /// Another root signs at once, in place of one that has expired or is distrusted. It has no cross-certificate: no path
    /// over the former root holds, or none may.
    #[must_use]
    pub fn succeed(&self, signer: &AuthorityPem, origin: Origin, source: Source) -> RootPatch {
        let leaving = Leaving::of(self.succession, self.root, |_, why| why.is_some());
        let phase = if leaving.left.is_empty() { Phase::Stable } else { Phase::Draining };
        let mut patch = self.begun(phase, self.now);
        patch.note(annotation::FORMER_TRUST, &self.authority.bundle().hash());
        patch.signer(signer, origin, self.terms);
        if source != Source::Announced {
            self.answer(&mut patch);
        }
        let announced = self.discarded(source);
        let former = self.former([self.replaced()].into_iter().chain(announced).chain(leaving.former));
        patch.json(annotation::FORMER_KEY_IDS, &former);
        patch.retiring(&leaving.left, self.succession.retiring_anchors.as_ref());
        patch.drop_keys([key::CROSS_CERTIFICATE, key::NEXT_CROSS_CERTIFICATE]);
        patch.forget(annotation::CERTIFIED);
        patch
    }

    /// These retiring roots are trusted no more.
    #[must_use]
    pub fn drop(&self, gone: &[String]) -> RootPatch {
        let leaving = Leaving::of(self.succession, self.root, |root, _| gone.contains(&root.fingerprint));
        let phase = if leaving.left.is_empty() { Phase::Stable } else { Phase::Draining };
        let is_riddance = leaving.former.iter().any(|former| former.distrusted);
        let last = leaving.last_end.filter(|_| !is_riddance).unwrap_or(self.now);
        let mut patch = self.begun(phase, last);
        patch.note(annotation::FORMER_TRUST, &self.authority.bundle().hash());
        patch.retiring(&leaving.left, self.succession.retiring_anchors.as_ref());
        let is_kept = phase != Phase::Stable || self.rules.safeguards.hold(Safeguard::LastingCrosses);
        // The root that has made it is among those that go.
        let is_sound = self.authority.has_cross_certificate() || !is_riddance;
        patch.cross(key::CROSS_CERTIFICATE, self.cross().filter(|_| is_kept && is_sound));
        patch.json(annotation::FORMER_KEY_IDS, &self.former(leaving.former));
        patch
    }

    /// Another signer of the same anchors signs. Leaves of the former one stay known until the last has expired.
    #[must_use]
    pub fn replace(&self, signer: &AuthorityPem) -> RootPatch {
        let mut patch = RootPatch::default();
        patch.signer(signer, Origin::Provided, self.terms);
        patch.json(annotation::FORMER_KEY_IDS, &self.former([self.replaced()]));
        patch
    }

    /// The same signer signs on, with other anchors.
    #[must_use]
    pub fn replace_anchors(&self, signer: &AuthorityPem) -> RootPatch {
        let mut patch = self.begun(self.root.phase, self.root.window.not_after);
        patch.note(annotation::FORMER_TRUST, &self.authority.bundle().hash());
        patch.signer(signer, Origin::Provided, self.terms);
        patch
    }

    /// The larger lifetime of leaves is recorded.
    #[must_use]
    pub fn raise_max_leaf_ttl(&self) -> RootPatch {
        let mut patch = RootPatch::default();
        patch.note(annotation::MAX_LEAF_TTL, &duration::format(self.terms.max_leaf_ttl));
        patch
    }

    /// Whoever takes the stage after a rotation was asked for is the answer.
    fn answer(&self, patch: &mut RootPatch) {
        if let Some(request) = self.requests.rotate {
            patch.note(annotation::ROTATE_REQUEST, request);
        }
    }

    /// A phase begins, and with it a step that every Secret follows.
    fn begun(&self, phase: Phase, former_end: Timestamp) -> RootPatch {
        let step = step(self.rules, former_end, self.now);
        let mut patch = RootPatch::default();
        patch.note(annotation::PHASE, phase.as_str());
        patch.note(annotation::SINCE, &written(step.began));
        patch.note(annotation::SPREAD_UNTIL, &written(step.ends));
        if let Some(exclude) = self.requests.exclude.filter(|_| self.ends_rotation(phase)) {
            patch.note(annotation::EXCLUDE_REQUEST, exclude);
        }
        patch
    }

    /// Whether a rotation ends with this phase: what was asked for it has been done, and is not done for another one.
    fn ends_rotation(&self, phase: Phase) -> bool {
        phase == Phase::Stable && self.root.phase != Phase::Stable
    }

    /// Where a distrusted root has to leave the bundles, nothing is spread over time.
    fn end_of_former(&self) -> Timestamp {
        let is_riddance = self.root.next.as_ref().is_some_and(|next| next.distrusted.is_some());
        if is_riddance { self.now } else { self.root.window.not_after }
    }

    /// The signer's cross-certificate, until it ends.
    fn cross(&self) -> Option<&CrossCertificate> {
        self.succession.cross.as_ref().filter(|cross| cross.is_valid_at(self.now))
    }

    /// The signer, as one that signs no more and is still trusted.
    fn retired(&self) -> RetiringRoot {
        let window = self.root.window;
        RetiringRoot {
            fingerprint: self.root.fingerprint.clone(),
            key_id: self.authority.key_id().to_string(),
            chain: texts(&self.authority.fingerprints()),
            anchors: self.authority.anchors().fingerprints().map(|anchor| anchor.to_string()).collect(),
            not_before: window.not_before,
            not_after: window.not_after,
            until: drain_bound(self.root, self.now, self.rules),
            certified: Some(certified(self.succession)),
        }
    }

    /// The signer, as one whose leaves are all that is left of it.
    fn replaced(&self) -> FormerKey {
        let former =
            FormerKey::of(self.authority.key_id().to_string(), drain_bound(self.root, self.now, self.rules));
        let former = former.distrusted(self.root.distrusted.as_ref(), texts(&self.authority.fingerprints()));
        FormerKey { intermediate: self.retired().intermediate(), ..former }
    }

    /// The announced root, where it goes with the signer: it has signed nothing.
    fn discarded(&self, source: Source) -> Option<FormerKey> {
        let next = self.succession.next.as_ref().filter(|_| source != Source::Announced)?;
        let why = self.root.next.as_ref()?.distrusted.as_ref();
        let former = FormerKey::of(next.key_id().to_string(), self.now);
        why.map(|why| former.distrusted(Some(why), texts(&next.fingerprints())))
    }

    fn former(&self, replaced: impl IntoIterator<Item = FormerKey>) -> Vec<FormerKey> {
        let known = self.succession.former.iter().filter(|former| former.is_needed_at(self.now)).cloned();
        known.chain(replaced).collect()
    }

    /// What the signer has certified stays known as long as it is trusted.
    fn keep_certified(&self, patch: &mut RootPatch) {
        match &*certified(self.succession) {
            [] => patch.forget(annotation::CERTIFIED),
            all => patch.json(
                annotation::CERTIFIED,
                &all.iter().rev().take(MOST_CERTIFIED).rev().collect::<Vec<_>>(),
            ),
        }
    }
}
