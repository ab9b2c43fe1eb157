//! A root Secret as it is created, or replaces a damaged one: in one write, so that a crash leaves all of it or nothing.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::ca_pem::{NEXT, SIGNER};
use super::patch::{RootPatch, contents, timestamp_text};
use super::recovery::Recovery;
use crate::api::authority::Phase;
use crate::api::duration;
use crate::api::names::{ROOT_SECRET_TYPE, annotation, key};
use crate::pki::{AuthorityPem, EvidenceKey};
use crate::plan::authority::origin::Origin;
use crate::plan::authority::spec::AuthoritySpec;

/// A root Secret to be created. It has no owner: garbage collection would take the root with its authority.
#[must_use]
pub fn new(
    spec: &AuthoritySpec,
    namespace: &str,
    name: &str,
    pem: &AuthorityPem,
    origin: Origin,
    now: Timestamp,
) -> Secret {
    let annotations = BTreeMap::from([
        (annotation::AUTHORITY.into(), spec.name.clone()),
        (annotation::TRUST_DOMAIN.into(), spec.trust_domain.to_string()),
        (annotation::PHASE.into(), Phase::Stable.as_str().into()),
        (annotation::SINCE.into(), timestamp_text(now)),
        (annotation::MAX_LEAF_TTL.into(), duration::format(spec.max_leaf_ttl)),
        (annotation::ORIGIN.into(), origin.as_str().into()),
    ]);
    Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(namespace.to_owned()),
            annotations: Some(annotations),
            ..ObjectMeta::default()
        },
        type_: Some(ROOT_SECRET_TYPE.into()),
        data: Some(SIGNER.into_iter().map(str::to_owned).zip(contents(pem)).collect()),
        ..Secret::default()
    }
}

/// Records the rotate request as answered: the new root was made after it.
pub fn record_rotate_request(secret: &mut Secret, request: Option<&str>) {
    let answered = request.map(|request| (annotation::ROTATE_REQUEST.to_owned(), request.to_owned()));
    secret.metadata.annotations.get_or_insert_default().extend(answered);
}

/// Sets the key of status proofs, and the name of the one before it, where that is lost as well.
pub fn set_evidence_key(secret: &mut Secret, key: &EvidenceKey, lost: Option<&str>) {
    let octets = ByteString(key.octets().to_vec());
    secret.data.get_or_insert_default().insert(key::EVIDENCE_KEY.to_owned(), octets);
    let lost = lost.map(|lost| (annotation::LOST_EVIDENCE_KEY.to_owned(), lost.to_owned()));
    secret.metadata.annotations.get_or_insert_default().extend(lost);
}

/// What is left of a lost root stays trusted beside the new one, while its leaves are replaced.
pub fn set_recovery(secret: &mut Secret, recovery: &Recovery, now: Timestamp) {
    let json = |value: Result<String, _>| value.unwrap_or_default();
    secret.metadata.annotations.get_or_insert_default().extend([
        (annotation::PHASE.to_owned(), Phase::Draining.as_str().to_owned()),
        (annotation::SPREAD_UNTIL.to_owned(), timestamp_text(now)),
        (annotation::RETIRING.to_owned(), json(serde_json::to_string(&recovery.retiring))),
        (annotation::FORMER_KEY_IDS.to_owned(), json(serde_json::to_string(&recovery.former))),
    ]);
    let anchors = ByteString(recovery.anchors.to_pem().as_bytes().to_vec());
    secret.data.get_or_insert_default().insert(key::RETIRING.to_owned(), anchors);
}

/// The patch that turns a root Secret into this one; nothing of the former content is left.
#[must_use]
pub fn replacement(secret: &Secret) -> RootPatch {
    let mut patch = RootPatch::default();
    patch.remove_keys(NEXT);
    patch.remove_keys([key::CROSS_CERTIFICATE, key::NEXT_CROSS_CERTIFICATE]);
    for note in [
        annotation::NEXT_ORIGIN,
        annotation::CERTIFIED,
        annotation::FORMER_TRUST,
        annotation::ROTATE_REQUEST,
        annotation::EXCLUDE_REQUEST,
    ] {
        patch.remove_annotation(note);
    }
    patch.set_all_of(secret);
    patch
}
