//! The CA of an authority as its root Secret holds it: the signer, the announced root and the retiring ones, with keys.
//!
//! Each part has one owner here; [`CaState`], on which decisions rest, is a view of it without keys.

use jiff::Timestamp;

use super::annotations::FormerKey;
use crate::api::authority::Phase;
use crate::pki::{Authority, CrossCertificate, EvidenceKey, TrustBundle};
use crate::plan::authority::ca_state::{CaState, NextCa, RootSecret};
use crate::plan::authority::distrust::DistrustReason;
use crate::plan::authority::origin::Origin;
use crate::plan::authority::retiring_root::{Intermediate, RetiringRoot};
use crate::plan::spread::RolloutWindow;

/// A root Secret that was read.
pub type LoadedRoot = RootSecret<LoadedCa>;

/// The CA in a root Secret, read and checked.
pub struct LoadedCa {
    /// Version of the Secret, which each write of it must name.
    pub version: String,
    /// Phase of the rotation.
    pub phase: Phase,
    /// When the phase began, where that is recorded.
    pub since: Option<Timestamp>,
    /// When Secrets follow the last change.
    pub step: Option<RolloutWindow>,
    /// Hash of the trust bundle before the last change.
    pub former_trust: Option<String>,
    /// The largest lifetime that leaves of the signer may have, in seconds, as it was recorded before use.
    pub max_leaf_ttl: i64,
    /// The CA that signs.
    pub signer: LoadedSigner,
    /// The announced root.
    pub next: Option<LoadedNext>,
    /// Roots that sign no more and are still trusted, in the order in which they signed.
    pub retiring: Vec<RetiringRoot>,
    /// Their anchors.
    pub retiring_anchors: Option<TrustBundle>,
    /// Replaced signers whose leaves may still be valid.
    pub former: Vec<FormerKey>,
    /// The key of status proofs.
    pub evidence_key: Option<EvidenceKey>,
    /// Name of an evidence key that was lost with a root whose loss was accepted.
    pub lost_evidence_key: Option<String>,
    /// Value of the annotation `rotate` that was answered last.
    pub rotate_request: Option<String>,
    /// Value of the annotation `rotation-exclude` that was used by the last rotation.
    pub exclude_request: Option<String>,
}

/// The CA that signs.
pub struct LoadedSigner {
    /// The CA. Its trust bundle is the one in force: with the anchors of the others, without what is distrusted.
    pub ca: Authority,
    /// Where it came from.
    pub origin: Origin,
    /// Why it is distrusted, if it is.
    pub distrusted: Option<DistrustReason>,
    /// Its cross-certificate, made by the root before it.
    pub cross: Option<CrossCertificate>,
    /// SHA-256 of the certificates of every CA that it is recorded to have certified, hex.
    pub certified: Vec<String>,
}

/// The announced root.
pub struct LoadedNext {
    /// The CA.
    pub ca: Authority,
    /// Where it came from.
    pub origin: Origin,
    /// Why it is distrusted, if it is.
    pub distrusted: Option<DistrustReason>,
    /// Its cross-certificate, made by the signer.
    pub cross: Option<CrossCertificate>,
}

impl LoadedCa {
    /// What decisions on the root need of it.
    #[must_use]
    pub fn state(&self) -> CaState {
        let ca = &self.signer.ca;
        let next = self.next.as_ref().map(|next| NextCa {
            fingerprint: next.ca.fingerprint().to_string(),
            anchors: next.ca.anchors().hash(),
            origin: next.origin,
            distrusted: next.distrusted.clone(),
            is_certified: next.cross.is_some(),
        });
        let accepted = self.accepted_intermediate();
        CaState {
            fingerprint: ca.fingerprint().to_string(),
            anchors: ca.anchors().hash(),
            window: ca.window(),
            origin: self.signer.origin,
            distrusted: self.signer.distrusted.clone(),
            accepted_intermediate: accepted.map(|below| (below.fingerprint, below.not_after)),
            is_certified: ca.has_cross_certificate(),
            max_leaf_ttl: self.max_leaf_ttl,
            phase: self.phase,
            since: self.since.unwrap_or(ca.window().not_before),
            next,
            retiring: self.retiring.clone(),
            rotate_request: self.rotate_request.clone(),
            has_evidence_key: self.evidence_key.is_some(),
        }
    }

    /// Key identifiers of all signers whose leaves can be valid. An announced root has signed nothing: an identity that
    /// depends on it has seen a later state of this Secret.
    #[must_use]
    pub fn signers(&self) -> Vec<String> {
        let signer = self.signer.ca.key_id().to_string();
        let retiring = self.retiring.iter().map(|root| root.key_id.clone());
        let former = self.former.iter().map(|former| former.key_id.clone());
        [signer].into_iter().chain(retiring).chain(former).collect()
    }

    /// SHA-256 of the certificates of every CA that the signer has certified. Version 0.1 did not record it, but what it has
    /// made for the announced root.
    #[must_use]
    pub fn certified(&self) -> Vec<String> {
        let announced = self.next.iter().filter(|next| next.cross.is_some());
        let announced = announced.flat_map(|next| next.ca.fingerprint_texts());
        let mut certified = self.signer.certified.clone();
        certified.extend(announced.filter(|found| !self.signer.certified.contains(found)));
        certified
    }

    /// A distrusted intermediate below a root that is still trusted: one that signs, or has signed.
    fn accepted_intermediate(&self) -> Option<Intermediate> {
        let signer = &self.signer.ca;
        let is_trusted = |text: &String| text.parse().is_ok_and(|anchor| signer.bundle().contains(&anchor));
        let former = self.former.iter().filter(|former| former.distrusted);
        let former = former.filter_map(|former| former.intermediate.clone());
        let signs = signer.is_intermediate() && self.signer.distrusted == Some(DistrustReason::Named);
        let signing = signs.then(|| Intermediate {
            fingerprint: signer.fingerprint().to_string(),
            anchors: signer.fingerprint_texts(),
            not_after: signer.window().not_after,
        });
        former.chain(signing).find(|below| below.anchors.iter().any(is_trusted))
    }
}
