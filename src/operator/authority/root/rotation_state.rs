//! What a root Secret holds beside its signer: the CAs that come after it and came before, and what was noted of them. A part
//! that is damaged is named, and never read as an empty one.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use serde::de::DeserializeOwned;

use super::annotations::{FormerKey, RetiringRoot};
use super::load::next_pem;
use crate::api::names::{annotation, key};
use crate::api::secret::content;
use crate::pki::{Authority, CrossCertificate, EvidenceKey, LoadError, TrustBundle};
use crate::plan::spread::RolloutWindow;

/// What surrounds a signer: those that come after it, and those that came before.
#[derive(Default)]
pub struct RotationState {
    /// The announced root.
    pub next: Option<Authority>,
    /// SHA-256 of the certificates of every CA that the signer has certified, hex.
    pub certified: Vec<String>,
    /// Roots that sign no more and are still trusted.
    pub retiring: Vec<RetiringRoot>,
    /// Their anchors.
    pub retiring_anchors: Option<TrustBundle>,
    /// The signer's cross-certificate, made by the root before it.
    pub cross: Option<CrossCertificate>,
    /// The announced root's, made by the signer.
    pub next_cross: Option<CrossCertificate>,
    /// Key identifiers of replaced signers whose leaves may still be valid.
    pub former: Vec<FormerKey>,
    /// What proofs of statuses are made with.
    pub evidence_key: Option<EvidenceKey>,
    /// Name of an evidence key that was lost with a root whose loss was accepted.
    pub lost_evidence_key: Option<String>,
    /// When the phase began.
    pub since: Option<Timestamp>,
    /// When Secrets follow the last change.
    pub step: Option<RolloutWindow>,
    /// Hash of the trust bundle before the last change.
    pub former_trust: Option<String>,
    /// Value of the annotation `rotate` that was answered last.
    pub rotate_request: Option<String>,
    /// Value of the annotation `rotation-exclude` that has served a rotation.
    pub exclude_request: Option<String>,
}

/// What else is in the Secret, or the name of the key that is damaged.
pub(super) fn succession(
    secret: &Secret,
    signer: &Authority,
    now: Timestamp,
) -> Result<RotationState, &'static str> {
    let retiring_anchors = match content(secret, key::RETIRING) {
        [] => None,
        text => Some(TrustBundle::from_pem(text).map_err(|_| key::RETIRING)?),
    };
    let next = next(secret, now)?;
    Ok(RotationState {
        cross: cross(secret, key::CROSS_CERTIFICATE, signer)?,
        next_cross: match &next {
            Some(next) => next_cross(secret, next)?,
            None => None,
        },
        next,
        certified: parsed(secret, annotation::CERTIFIED)?.unwrap_or_default(),
        retiring: parsed(secret, annotation::RETIRING)?.unwrap_or_default(),
        retiring_anchors,
        former: parsed(secret, annotation::FORMER_KEY_IDS)?.unwrap_or_default(),
        evidence_key: evidence_key(secret)?,
        lost_evidence_key: note(secret, annotation::LOST_EVIDENCE_KEY).cloned(),
        since: time(secret, annotation::SINCE),
        step: time(secret, annotation::SINCE)
            .zip(time(secret, annotation::SPREAD_UNTIL))
            .map(|(began, ends)| RolloutWindow { began, ends }),
        former_trust: note(secret, annotation::FORMER_TRUST).cloned(),
        rotate_request: note(secret, annotation::ROTATE_REQUEST).cloned(),
        exclude_request: note(secret, annotation::EXCLUDE_REQUEST).cloned(),
    })
}

/// The cross-certificate of this authority's root under this key.
fn cross(
    secret: &Secret,
    key: &'static str,
    of: &Authority,
) -> Result<Option<CrossCertificate>, &'static str> {
    CrossCertificate::from_pem(content(secret, key), of).map_err(|_| key)
}

/// Version 0.1 kept it among those of former roots.
fn next_cross(secret: &Secret, next: &Authority) -> Result<Option<CrossCertificate>, &'static str> {
    let found = cross(secret, key::NEXT_CROSS_CERTIFICATE, next)?;
    if found.is_some() { Ok(found) } else { cross(secret, key::CROSS_CERTIFICATE, next) }
}

/// The evidence key. One that is damaged is not made anew: what it has proved would count no more.
fn evidence_key(secret: &Secret) -> Result<Option<EvidenceKey>, &'static str> {
    match content(secret, key::EVIDENCE_KEY) {
        [] => Ok(None),
        octets => EvidenceKey::from_octets(octets).map(Some).ok_or(key::EVIDENCE_KEY),
    }
}

/// The announced root. One that has ended before it signed is as good as none: it is withdrawn.
fn next(secret: &Secret, now: Timestamp) -> Result<Option<Authority>, &'static str> {
    let pem = next_pem(secret);
    if pem.chain.is_empty() {
        return Ok(None);
    }
    match Authority::load(&pem, now) {
        Ok(next) => Ok(Some(next)),
        Err(LoadError::Expired { .. } | LoadError::NotYetValid { .. }) => Ok(None),
        Err(_) => Err(key::NEXT_CERTIFICATE),
    }
}

pub(super) fn note<'a>(secret: &'a Secret, key: &str) -> Option<&'a String> {
    secret.metadata.annotations.as_ref()?.get(key)
}

fn time(secret: &Secret, key: &str) -> Option<Timestamp> {
    note(secret, key)?.parse().ok()
}

/// A damaged list must not read as an empty one: trust would be dropped, or a root called lost.
fn parsed<T: DeserializeOwned>(secret: &Secret, key: &'static str) -> Result<Option<T>, &'static str> {
    note(secret, key).map(|text| serde_json::from_str(text).map_err(|_| key)).transpose()
}
