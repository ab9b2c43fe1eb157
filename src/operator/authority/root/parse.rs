//! What a root Secret holds beside its signer: the CAs that come after it and came before, and its annotations.
//!
//! A part that is damaged is named, and never read as an empty one: trust would be dropped, or a root called lost.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use serde::de::DeserializeOwned;

use super::ca_pem::next_pem;
use super::loaded_ca::{LoadedCa, LoadedNext, LoadedSigner};
use crate::api::authority::Phase;
use crate::api::duration;
use crate::api::names::{annotation, key};
use crate::api::secret::{annotated, content};
use crate::pki::{Authority, CrossCertificate, EvidenceKey, LoadError, TrustBundle};
use crate::plan::authority::origin::Origin;
use crate::plan::authority::spec::AuthoritySpec;
use crate::plan::spread::RolloutWindow;

/// The CA that a Secret with this signer holds, as it is written there; or the key that is damaged.
pub(super) fn parse(
    secret: &Secret,
    signer: Authority,
    spec: &AuthoritySpec,
    now: Timestamp,
) -> Result<LoadedCa, &'static str> {
    let since = time(secret, annotation::SINCE);
    let recorded = annotated(secret, annotation::MAX_LEAF_TTL).and_then(duration::parse);
    Ok(LoadedCa {
        version: secret.metadata.resource_version.clone().unwrap_or_default(),
        phase: annotated(secret, annotation::PHASE).and_then(Phase::parse).unwrap_or_default(),
        since,
        step: since
            .zip(time(secret, annotation::SPREAD_UNTIL))
            .map(|(began, ends)| RolloutWindow { began, ends }),
        former_trust: text(secret, annotation::FORMER_TRUST),
        // One that cannot be read is less than any: the lifetime in force is recorded before it is used.
        max_leaf_ttl: recorded.map_or_else(|| spec.max_leaf_ttl.as_secs() - 1, |ttl| ttl.as_secs()),
        next: next(secret, now)?,
        retiring: json(secret, annotation::RETIRING)?.unwrap_or_default(),
        retiring_anchors: retiring_anchors(secret)?,
        former: json(secret, annotation::FORMER_KEY_IDS)?.unwrap_or_default(),
        evidence_key: evidence_key(secret)?,
        lost_evidence_key: text(secret, annotation::LOST_EVIDENCE_KEY),
        rotate_request: text(secret, annotation::ROTATE_REQUEST),
        exclude_request: text(secret, annotation::EXCLUDE_REQUEST),
        signer: LoadedSigner {
            origin: Origin::parse(annotated(secret, annotation::ORIGIN)),
            distrusted: None,
            cross: cross(secret, key::CROSS_CERTIFICATE, &signer)?,
            certified: json(secret, annotation::CERTIFIED)?.unwrap_or_default(),
            ca: signer,
        },
    })
}

/// The announced root. One that has ended before it signed is as good as none: it is withdrawn.
fn next(secret: &Secret, now: Timestamp) -> Result<Option<LoadedNext>, &'static str> {
    let pem = next_pem(secret);
    if pem.chain.is_empty() {
        return Ok(None);
    }
    let ca = match Authority::load(&pem, now) {
        Ok(ca) => ca,
        Err(LoadError::Expired { .. } | LoadError::NotYetValid { .. }) => return Ok(None),
        Err(_) => return Err(key::NEXT_CERTIFICATE),
    };
    let origin = Origin::parse(annotated(secret, annotation::NEXT_ORIGIN));
    Ok(Some(LoadedNext { cross: next_cross(secret, &ca)?, ca, origin, distrusted: None }))
}

/// Version 0.1 kept it among those of former roots.
fn next_cross(secret: &Secret, next: &Authority) -> Result<Option<CrossCertificate>, &'static str> {
    let found = cross(secret, key::NEXT_CROSS_CERTIFICATE, next)?;
    if found.is_some() { Ok(found) } else { cross(secret, key::CROSS_CERTIFICATE, next) }
}

/// The cross-certificate of this authority's root under this key.
fn cross(
    secret: &Secret,
    key: &'static str,
    of: &Authority,
) -> Result<Option<CrossCertificate>, &'static str> {
    CrossCertificate::from_pem(content(secret, key), of).map_err(|_| key)
}

fn retiring_anchors(secret: &Secret) -> Result<Option<TrustBundle>, &'static str> {
    match content(secret, key::RETIRING) {
        [] => Ok(None),
        text => TrustBundle::from_pem(text).map(Some).map_err(|_| key::RETIRING),
    }
}

/// The evidence key. One that is damaged is not replaced: what it has proved would count no more.
fn evidence_key(secret: &Secret) -> Result<Option<EvidenceKey>, &'static str> {
    match content(secret, key::EVIDENCE_KEY) {
        [] => Ok(None),
        octets => EvidenceKey::from_octets(octets).map(Some).ok_or(key::EVIDENCE_KEY),
    }
}

fn text(secret: &Secret, key: &str) -> Option<String> {
    annotated(secret, key).map(str::to_owned)
}

fn time(secret: &Secret, key: &str) -> Option<Timestamp> {
    annotated(secret, key)?.parse().ok()
}

fn json<T: DeserializeOwned>(secret: &Secret, key: &'static str) -> Result<Option<T>, &'static str> {
    annotated(secret, key).map(|text| serde_json::from_str(text).map_err(|_| key)).transpose()
}
