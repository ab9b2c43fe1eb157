//! What each transition writes into the root Secret: one patch that names the version it was decided for, so that a
//! crash, a second replica or a restored backup finds one whole state or another.

use jiff::Timestamp;
use serde_json::Value;

use super::root_notes::{FormerKey, Origin, Retiring};
use super::root_patch::{NEXT, Patch, written};
use super::root_secret::{LoadedRoot, Succession};
use crate::api::authority::Phase;
use crate::api::duration;
use crate::api::names::{annotation, key};
use crate::pki::{Authority, AuthorityPem, CrossCertificates, TrustBundle};
use crate::plan::root::StoredRoot;
use crate::plan::rotation::{Rules, Source, drain_bound, step};
use crate::plan::safeguards::Safeguard;
use crate::plan::terms::Terms;

/// A root Secret and the moment at which it changes.
pub struct Change<'a> {
    /// Terms of the authority.
    pub terms: &'a Terms,
    /// Rules of its rotation.
    pub rules: &'a Rules,
    /// What the Secret holds.
    pub root: &'a StoredRoot,
    /// The CA in force.
    pub authority: &'a Authority,
    /// What surrounds it.
    pub succession: &'a Succession,
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

impl<'a> Change<'a> {
    /// A change of a root Secret, where that holds a root.
    #[must_use]
    pub fn of(
        loaded: &'a LoadedRoot,
        terms: &'a Terms,
        rules: &'a Rules,
        requests: Requests<'a>,
        now: Timestamp,
    ) -> Option<Self> {
        let (root, authority) = (loaded.stored()?, loaded.authority.as_ref()?);
        Some(Self { terms, rules, root, authority, succession: &loaded.succession, requests, now })
    }

    /// The next root is stored, and trusted from now on. `crosses` are those that the signer has made for it.
    #[must_use]
    pub fn announce(&self, next: &AuthorityPem, origin: Origin, crosses: &CrossCertificates) -> Value {
        let mut patch = self.begun(Phase::Announced, self.end_of_former());
        patch.note(annotation::NEXT_ORIGIN, origin.as_str());
        patch.note(annotation::FORMER_TRUST, &self.authority.bundle().hash());
        self.answer(&mut patch);
        patch.put(NEXT, next);
        patch.text(key::CROSS_CERTIFICATES, &self.crosses_without_next().after(crosses).to_pem());
        patch.over(&self.root.version)
    }

    /// The next root is forgotten: it never signed.
    #[must_use]
    pub fn withdraw(&self) -> Value {
        let mut patch = self.begun(Phase::Stable, self.end_of_former());
        patch.note(annotation::FORMER_TRUST, &self.authority.bundle().hash());
        patch.forget(annotation::NEXT_ORIGIN);
        patch.drop_keys(NEXT);
        patch.text(key::CROSS_CERTIFICATES, &self.crosses_without_next().to_pem());
        patch.over(&self.root.version)
    }

    /// The next root signs. The former one's private key is gone with this write.
    #[must_use]
    pub fn switch(&self, next: &AuthorityPem) -> Value {
        let mut patch = self.begun(Phase::Draining, self.root.window.not_after);
        let origin = self.root.next.as_ref().is_some_and(|next| next.is_provided);
        patch.signer(next, if origin { Origin::Provided } else { Origin::Generated }, self.terms);
        let retiring = self.succession.retiring.iter().cloned().chain([self.retired()]);
        patch.json(annotation::RETIRING, &retiring.collect::<Vec<_>>());
        let anchors = self.retiring_anchors().map(|anchors| anchors.union(self.authority.anchors()));
        patch.text(key::RETIRING, anchors.as_ref().unwrap_or(self.authority.anchors()).to_pem());
        patch.over(&self.root.version)
    }

    /// Another root signs at once, in place of one that has expired or is distrusted. Nobody vouches for it: no path over
    /// the former root holds, or none may.
    #[must_use]
    pub fn succeed(&self, signer: &AuthorityPem, origin: Origin, source: Source) -> Value {
        let is_draining = !self.succession.retiring.is_empty();
        let phase = if is_draining { Phase::Draining } else { Phase::Stable };
        let mut patch = self.begun(phase, self.now);
        patch.note(annotation::FORMER_TRUST, &self.authority.bundle().hash());
        patch.signer(signer, origin, self.terms);
        if source != Source::Announced {
            self.answer(&mut patch);
        }
        patch.json(annotation::FORMER_KEY_IDS, &self.former([self.replaced()]));
        patch.drop_keys([key::CROSS_CERTIFICATES]);
        patch.over(&self.root.version)
    }

    /// These retiring roots are trusted no more.
    #[must_use]
    pub fn drop(&self, gone: &[String]) -> Value {
        let (gone, left): (Vec<_>, Vec<_>) =
            self.succession.retiring.iter().cloned().partition(|root| gone.contains(&root.fingerprint));
        let phase = if left.is_empty() { Phase::Stable } else { Phase::Draining };
        let is_riddance = gone.iter().any(|root| root.is_any_of(&self.terms.distrust));
        let last = gone.iter().map(|root| root.not_after).max().filter(|_| !is_riddance).unwrap_or(self.now);
        let mut patch = self.begun(phase, last);
        patch.note(annotation::FORMER_TRUST, &self.authority.bundle().hash());
        let replaced = gone.iter().map(|root| FormerKey {
            key_id: root.key_id.clone(),
            until: root.until,
            distrusted: root.is_any_of(&self.terms.distrust),
        });
        patch.json(annotation::FORMER_KEY_IDS, &self.former(replaced));
        patch.json(annotation::RETIRING, &left);
        match self.anchors_of(&left) {
            Some(anchors) => patch.text(key::RETIRING, anchors.to_pem()),
            None => patch.drop_keys([key::RETIRING]),
        }
        let distrusted = self.retiring_anchors().and_then(|anchors| anchors.among(&self.terms.distrust));
        let crosses = self.crosses();
        let crosses = distrusted.map_or_else(|| crosses.clone(), |gone| crosses.without_signers(&gone));
        let are_kept = phase != Phase::Stable || self.rules.safeguards.hold(Safeguard::LastingCrosses);
        patch.text(key::CROSS_CERTIFICATES, &if are_kept { crosses.to_pem() } else { String::new() });
        patch.over(&self.root.version)
    }

    /// Another signer of the same anchors signs. Leaves of the former one stay known until the last has expired.
    #[must_use]
    pub fn replace(&self, signer: &AuthorityPem) -> Value {
        let mut patch = Patch::default();
        patch.signer(signer, Origin::Provided, self.terms);
        patch.json(annotation::FORMER_KEY_IDS, &self.former([self.replaced()]));
        patch.over(&self.root.version)
    }

    /// The same signer signs on, with other anchors.
    #[must_use]
    pub fn replace_anchors(&self, signer: &AuthorityPem) -> Value {
        let mut patch = self.begun(self.root.phase, self.root.window.not_after);
        patch.note(annotation::FORMER_TRUST, &self.authority.bundle().hash());
        patch.signer(signer, Origin::Provided, self.terms);
        patch.over(&self.root.version)
    }

    /// The larger lifetime of leaves is recorded.
    #[must_use]
    pub fn raise_max_leaf_ttl(&self) -> Value {
        let mut patch = Patch::default();
        patch.note(annotation::MAX_LEAF_TTL, &duration::format(self.terms.max_leaf_ttl));
        patch.over(&self.root.version)
    }

    /// Whoever takes the stage after a rotation was asked for is the answer.
    fn answer(&self, patch: &mut Patch) {
        if let Some(request) = self.requests.rotate {
            patch.note(annotation::ROTATE_REQUEST, request);
        }
    }

    /// A phase begins, and with it a step that every Secret follows.
    fn begun(&self, phase: Phase, former_end: Timestamp) -> Patch {
        let step = step(self.rules, former_end, self.now);
        let mut patch = Patch::default();
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
        let is_riddance = self.root.next.as_ref().is_some_and(|next| next.is_distrusted);
        if is_riddance { self.now } else { self.root.window.not_after }
    }

    fn crosses(&self) -> CrossCertificates {
        self.succession.crosses.valid_at(self.now)
    }

    /// A root that is announced no more was never signed with, and nobody needs to be led to it.
    fn crosses_without_next(&self) -> CrossCertificates {
        let crosses = self.crosses();
        self.succession.next.as_ref().map_or_else(|| crosses.clone(), |next| crosses.without(next))
    }

    fn retiring_anchors(&self) -> Option<&TrustBundle> {
        self.succession.retiring_anchors.as_ref()
    }

    /// The anchors of those that are left.
    fn anchors_of(&self, left: &[Retiring]) -> Option<TrustBundle> {
        let keeps = |fingerprint: &String| left.iter().any(|root| root.anchors.contains(fingerprint));
        let anchors = self.retiring_anchors()?;
        let gone: Vec<_> = anchors.fingerprints().filter(|found| !keeps(&found.to_string())).collect();
        anchors.without(&gone)
    }

    /// The signer, as one that signs no more and is still trusted.
    fn retired(&self) -> Retiring {
        let window = self.root.window;
        Retiring {
            fingerprint: self.root.fingerprint.clone(),
            key_id: self.authority.key_id().to_string(),
            anchors: self.authority.anchors().fingerprints().map(|anchor| anchor.to_string()).collect(),
            not_before: window.not_before,
            not_after: window.not_after,
            until: drain_bound(self.root, self.now, self.rules),
        }
    }

    /// The signer, as one whose leaves are all that is left of it.
    fn replaced(&self) -> FormerKey {
        FormerKey {
            key_id: self.authority.key_id().to_string(),
            until: drain_bound(self.root, self.now, self.rules),
            distrusted: self.root.is_distrusted,
        }
    }

    fn former(&self, replaced: impl IntoIterator<Item = FormerKey>) -> Vec<FormerKey> {
        let known = self.succession.former.iter().filter(|former| former.until >= self.now).cloned();
        known.chain(replaced).collect()
    }
}
