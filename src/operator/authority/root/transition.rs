//! What each transition writes into the root Secret: one patch that names the version it was decided for, so that a
//! crash, a second replica or a restored backup finds one whole state or another.

use jiff::Timestamp;

use super::annotations::FormerKey;
use super::ca_pem::NEXT;
use super::loaded_ca::LoadedCa;
use super::patch::{RootPatch, timestamp_text};
use super::retiring::Leaving;
use crate::api::authority::{AuthorityRequests, Phase};
use crate::api::duration;
use crate::api::names::{annotation, key};
use crate::pki::{AuthorityPem, CrossCertificate};
use crate::plan::authority::origin::Origin;
use crate::plan::authority::retiring_root::RetiringRoot;
use crate::plan::authority::rotation_inputs::RotationRules;
use crate::plan::authority::safeguards::Safeguard;
use crate::plan::authority::spec::AuthoritySpec;
use crate::plan::authority::timing::{drain_bound, step};
use crate::plan::authority::transition::NextRoot;

/// Most certificates that are recorded, the newest: at 67 bytes each a small part of the 256 KiB that annotations can hold.
const MAX_CERTIFIED: usize = 500;

/// A root Secret and the moment at which it changes.
#[derive(Clone, Copy)]
pub struct RootTransition<'a> {
    /// The spec of the authority.
    pub spec: &'a AuthoritySpec,
    /// Rules of its rotation.
    pub rules: &'a RotationRules,
    /// The CA that the Secret holds.
    pub ca: &'a LoadedCa,
    /// What annotations of the authority ask for.
    pub requests: AuthorityRequests<'a>,
    /// This moment.
    pub now: Timestamp,
}

impl RootTransition<'_> {
    /// The next root is stored, and trusted from now on, with the cross-certificate that the signer has made for it.
    #[must_use]
    pub fn announce(
        &self,
        next: &AuthorityPem,
        origin: Origin,
        cross: Option<&CrossCertificate>,
    ) -> RootPatch {
        let mut patch = self.begin_phase(Phase::Announced, self.end_of_former());
        patch.annotate(annotation::NEXT_ORIGIN, origin.as_str());
        self.record_former_trust(&mut patch);
        self.record_rotate_request(&mut patch);
        patch.set_ca(NEXT, next);
        patch.set_cross_certificate(key::CROSS_CERTIFICATE, self.cross());
        patch.set_cross_certificate(key::NEXT_CROSS_CERTIFICATE, cross);
        self.keep_certified(&mut patch);
        patch
    }

    /// The next root is removed: it never signed.
    #[must_use]
    pub fn withdraw(&self) -> RootPatch {
        let mut patch = self.begin_phase(Phase::Stable, self.end_of_former());
        self.record_former_trust(&mut patch);
        patch.remove_annotation(annotation::NEXT_ORIGIN);
        patch.remove_keys(NEXT);
        patch.set_cross_certificate(key::CROSS_CERTIFICATE, self.cross());
        patch.remove_keys([key::NEXT_CROSS_CERTIFICATE]);
        self.keep_certified(&mut patch);
        patch
    }

    /// The next root signs. The former one's private key is gone with this write.
    #[must_use]
    pub fn switch(&self, next: &AuthorityPem) -> RootPatch {
        let mut patch = self.begin_phase(Phase::Draining, self.signer_end());
        patch.set_signer(next, self.origin_of(NextRoot::Existing), self.spec);
        let retiring = self.ca.retiring.iter().cloned().chain([self.retired()]);
        patch.set_json(annotation::RETIRING, &retiring.collect::<Vec<_>>());
        let own = self.ca.signer.ca.anchors();
        let anchors = self.ca.retiring_anchors.as_ref().map(|anchors| anchors.union(own));
        patch.set_text(key::RETIRING, anchors.as_ref().unwrap_or(own).to_pem());
        patch.set_cross_certificate(
            key::CROSS_CERTIFICATE,
            self.ca.next.as_ref().and_then(|next| next.cross.as_ref()),
        );
        patch.remove_keys([key::NEXT_CROSS_CERTIFICATE]);
        patch.remove_annotation(annotation::CERTIFIED);
        patch
    }

    /// Another root signs at once, in place of one that has expired or is distrusted. It has no cross-certificate: no path
    /// over the former root holds, or none may.
    #[must_use]
    pub fn succeed(&self, signer: &AuthorityPem, next: NextRoot) -> RootPatch {
        let leaving = Leaving::new(&self.ca.retiring, |root| root.distrusted.is_some());
        let phase = if leaving.left.is_empty() { Phase::Stable } else { Phase::Draining };
        let mut patch = self.begin_phase(phase, self.now);
        self.record_former_trust(&mut patch);
        patch.set_signer(signer, self.origin_of(next), self.spec);
        if next != NextRoot::Existing {
            self.record_rotate_request(&mut patch);
        }
        let announced = self.discarded(next);
        let former = self.former_with([self.replaced()].into_iter().chain(announced).chain(leaving.former));
        patch.set_json(annotation::FORMER_KEY_IDS, &former);
        patch.set_retiring(&leaving.left, self.ca.retiring_anchors.as_ref());
        patch.remove_keys([key::CROSS_CERTIFICATE, key::NEXT_CROSS_CERTIFICATE]);
        patch.remove_annotation(annotation::CERTIFIED);
        patch
    }

    /// These retiring roots are trusted no more.
    #[must_use]
    pub fn drop(&self, gone: &[String]) -> RootPatch {
        let leaving = Leaving::new(&self.ca.retiring, |root| gone.contains(&root.fingerprint));
        let phase = if leaving.left.is_empty() { Phase::Stable } else { Phase::Draining };
        let drops_distrusted = leaving.former.iter().any(|former| former.distrusted);
        let last = leaving.last_end.filter(|_| !drops_distrusted).unwrap_or(self.now);
        let mut patch = self.begin_phase(phase, last);
        self.record_former_trust(&mut patch);
        patch.set_retiring(&leaving.left, self.ca.retiring_anchors.as_ref());
        let is_kept = phase != Phase::Stable || self.rules.safeguards.hold(Safeguard::LastingCrosses);
        // The root that has made it is among those that go.
        let is_sound = self.ca.signer.ca.has_cross_certificate() || !drops_distrusted;
        patch.set_cross_certificate(key::CROSS_CERTIFICATE, self.cross().filter(|_| is_kept && is_sound));
        patch.set_json(annotation::FORMER_KEY_IDS, &self.former_with(leaving.former));
        patch
    }

    /// Another signer of the same anchors signs. Leaves of the former one stay known until the last has expired.
    #[must_use]
    pub fn replace(&self, signer: &AuthorityPem) -> RootPatch {
        let mut patch = RootPatch::default();
        patch.set_signer(signer, Origin::Provided, self.spec);
        patch.set_json(annotation::FORMER_KEY_IDS, &self.former_with([self.replaced()]));
        patch
    }

    /// The same signer signs on, with other anchors.
    #[must_use]
    pub fn replace_anchors(&self, signer: &AuthorityPem) -> RootPatch {
        let mut patch = self.begin_phase(self.ca.phase, self.signer_end());
        self.record_former_trust(&mut patch);
        patch.set_signer(signer, Origin::Provided, self.spec);
        patch
    }

    /// The larger lifetime of leaves is recorded.
    #[must_use]
    pub fn raise_max_leaf_ttl(&self) -> RootPatch {
        let mut patch = RootPatch::default();
        patch.annotate(annotation::MAX_LEAF_TTL, &duration::format(self.spec.max_leaf_ttl));
        patch
    }

    /// Records the rotate request as answered: the new root was made after it.
    fn record_rotate_request(&self, patch: &mut RootPatch) {
        if let Some(request) = self.requests.rotate {
            patch.annotate(annotation::ROTATE_REQUEST, request);
        }
    }

    /// Where the trust bundle changes: Secrets keep the former one until the step reaches them.
    fn record_former_trust(&self, patch: &mut RootPatch) {
        patch.annotate(annotation::FORMER_TRUST, &self.ca.signer.ca.bundle().hash());
    }

    /// Begins a phase, and with it the step in which every Secret follows.
    fn begin_phase(&self, phase: Phase, former_end: Timestamp) -> RootPatch {
        let step = step(self.rules, former_end, self.now);
        let mut patch = RootPatch::default();
        patch.annotate(annotation::PHASE, phase.as_str());
        patch.annotate(annotation::SINCE, &timestamp_text(step.began));
        patch.annotate(annotation::SPREAD_UNTIL, &timestamp_text(step.ends));
        if let Some(exclude) = self.requests.exclude.filter(|_| self.ends_rotation(phase)) {
            patch.annotate(annotation::EXCLUDE_REQUEST, exclude);
        }
        patch
    }

    /// Whether a rotation ends with this phase: what was asked for it has been done, and is not done for another one.
    fn ends_rotation(&self, phase: Phase) -> bool {
        phase == Phase::Stable && self.ca.phase != Phase::Stable
    }

    /// Where a distrusted root has to leave the bundles, nothing is spread over time.
    fn end_of_former(&self) -> Timestamp {
        let is_next_distrusted = self.ca.next.as_ref().is_some_and(|next| next.distrusted.is_some());
        if is_next_distrusted { self.now } else { self.signer_end() }
    }

    fn signer_end(&self) -> Timestamp {
        self.ca.signer.ca.window().not_after
    }

    /// Where the root that signs next came from.
    fn origin_of(&self, next: NextRoot) -> Origin {
        match next {
            NextRoot::New(origin) => origin,
            NextRoot::Existing => self.ca.next.as_ref().map_or(Origin::Generated, |next| next.origin),
        }
    }

    /// The signer's cross-certificate, until it ends.
    fn cross(&self) -> Option<&CrossCertificate> {
        self.ca.signer.cross.as_ref().filter(|cross| cross.is_valid_at(self.now))
    }

    /// The signer, as one that signs no more and is still trusted.
    fn retired(&self) -> RetiringRoot {
        let ca = &self.ca.signer.ca;
        RetiringRoot {
            fingerprint: ca.fingerprint().to_string(),
            key_id: ca.key_id().to_string(),
            chain: ca.fingerprint_texts(),
            anchors: ca.anchors().fingerprints().map(|anchor| anchor.to_string()).collect(),
            not_before: ca.window().not_before,
            not_after: ca.window().not_after,
            until: drain_bound(&self.ca.state(), self.now, self.rules),
            certified: Some(self.ca.certified()),
            distrusted: None,
        }
    }

    /// The signer, as one of which only the leaves are left.
    fn replaced(&self) -> FormerKey {
        let retired = self.retired();
        let intermediate = retired.intermediate();
        let former = FormerKey::new(retired.key_id, retired.until);
        FormerKey { intermediate, ..former.distrusted(self.ca.signer.distrusted.as_ref(), retired.chain) }
    }

    /// The announced root, where it goes with the signer: it has signed nothing.
    fn discarded(&self, successor: NextRoot) -> Option<FormerKey> {
        let next = self.ca.next.as_ref().filter(|_| successor != NextRoot::Existing)?;
        let why = next.distrusted.as_ref()?;
        let former = FormerKey::new(next.ca.key_id().to_string(), self.now);
        Some(former.distrusted(Some(why), next.ca.fingerprint_texts()))
    }

    fn former_with(&self, replaced: impl IntoIterator<Item = FormerKey>) -> Vec<FormerKey> {
        let known = self.ca.former.iter().filter(|former| former.is_needed_at(self.now)).cloned();
        known.chain(replaced).collect()
    }

    /// What the signer has certified stays known as long as it is trusted.
    fn keep_certified(&self, patch: &mut RootPatch) {
        match &*self.ca.certified() {
            [] => patch.remove_annotation(annotation::CERTIFIED),
            all => patch.set_json(
                annotation::CERTIFIED,
                &all.iter().rev().take(MAX_CERTIFIED).rev().collect::<Vec<_>>(),
            ),
        }
    }
}
