//! What a Secret that was read holds for its identity, verified as a peer would verify it.
//!
//! Pure: the same Secret, input and moment give the same answer.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;

use super::observed::{ObserveInput, ObservedSecret};
use super::secret_metadata::{LeafAnnotations, SecretMetadata};
use crate::api::names::{annotation, key};
use crate::api::secret::content;
use crate::pki::{Leaf, LeafError, TrustBundle, verify_as_peer};
use crate::plan::identity::profile::ProfileHash;
use crate::plan::identity::signer::Rollout;
use crate::plan::identity::world::{Authorization, LeafDefect, OwnedSecret, SecretState, StoredLeaf};

/// What was found, without its metadata.
pub fn inspect(
    now: Timestamp,
    input: &ObserveInput<'_>,
    secret: &Secret,
    carries_uid: bool,
) -> ObservedSecret {
    let verified = verified_leaf(secret, input, now).and_then(|leaf| of_known_signer(leaf, input));
    let trust = bundle_hash(secret, input);
    let leaf = verified.as_ref().map(|leaf| stored_leaf(leaf, annotation_of(secret, annotation::ISSUED_AT)));
    let leaf = leaf.map_err(|defect| *defect);
    let matches_profile = verified.as_ref().is_ok_and(|leaf| matches_profile(leaf, input.authorization));
    let annotations = leaf.as_ref().ok();
    let annotations =
        annotations.map(|leaf| leaf_annotations(input, secret, leaf, matches_profile, trust.as_deref()));
    let owned = OwnedSecret {
        version: secret.metadata.resource_version.clone().unwrap_or_default(),
        carries_uid,
        profile: annotation_of(secret, annotation::PROFILE).as_deref().and_then(ProfileHash::parse),
        matches_profile,
        metadata_is_current: metadata_is_current(input, secret, annotations.as_ref(), trust.as_deref()),
        renew_request: annotation_of(secret, annotation::RENEW_REQUEST),
        leaf,
        trust,
    };
    ObservedSecret {
        state: SecretState::Held(owned),
        leaf: verified.ok(),
        annotations,
        metadata: None,
        revision: revision(input, secret),
    }
}

fn annotation_of(secret: &Secret, key: &str) -> Option<String> {
    secret.metadata.annotations.as_ref().and_then(|annotations| annotations.get(key)).cloned()
}

/// Issuances so far: as many as the Secret or status counts.
fn revision(input: &ObserveInput<'_>, secret: &Secret) -> i64 {
    let noted = annotation_of(secret, annotation::REVISION).and_then(|text| text.parse().ok());
    noted.unwrap_or(0).max(input.recorded_revision())
}

/// What the annotations should say of this leaf.
fn leaf_annotations(
    input: &ObserveInput<'_>,
    secret: &Secret,
    leaf: &StoredLeaf,
    matches_profile: bool,
    trust: Option<&str>,
) -> LeafAnnotations {
    LeafAnnotations {
        serial: leaf.serial.clone(),
        not_after: leaf.window.not_after,
        authority_key_id: leaf.key_id.clone(),
        profile: profile(input, secret, matches_profile),
        trust: trust.or_else(|| input.root.map(|root| root.trust)).map(str::to_owned),
        issued_at: leaf.issued_at,
        revision: revision(input, secret),
        renew_request: annotation_of(secret, annotation::RENEW_REQUEST),
    }
}

/// What the leaf was asked to be: as it is noted. Where the annotation is gone or of another version, a leaf that is as asked shows it.
/// The annotation never says what is asked now of a leaf that was asked something else, or no reconcile would replace that.
fn profile(input: &ObserveInput<'_>, secret: &Secret, matches_profile: bool) -> Option<String> {
    let noted = annotation_of(secret, annotation::PROFILE);
    let is_readable = noted.as_deref().and_then(ProfileHash::parse).is_some();
    let asked = input.authorization.filter(|_| matches_profile && !is_readable);
    asked.map(|authorization| authorization.profile.to_string()).or(noted)
}

/// What was written and is still as it was stored then would be stored so again.
fn metadata_is_current(
    input: &ObserveInput<'_>,
    secret: &Secret,
    annotations: Option<&LeafAnnotations>,
    trust: Option<&str>,
) -> bool {
    let is_as_stored = input.verified_version() == secret.metadata.resource_version.as_deref();
    let is_current =
        |annotations| SecretMetadata::of(input.spec, annotations).patch(&secret.metadata).is_empty();
    // Of a leaf with a defect only the trust bundle beside it is noted, which the index compares.
    let is_trust_noted = || {
        let noted = annotation_of(secret, annotation::TRUST);
        input.root.is_none() || trust.is_none() || noted.as_deref() == trust
    };
    is_as_stored || annotations.map_or_else(is_trust_noted, is_current)
}

/// While it is not known what is allowed, the leaf is taken for what it is.
fn matches_profile(leaf: &Leaf, authorization: Option<&Authorization>) -> bool {
    authorization.and_then(Authorization::leaf).is_none_or(|entitlement| entitlement.is_met_by(leaf))
}

/// The moment of issuance; where users edited the annotation, the start of validity.
fn stored_leaf(leaf: &Leaf, issued_at: Option<String>) -> StoredLeaf {
    let window = leaf.window;
    let noted = issued_at.and_then(|text| text.parse::<Timestamp>().ok());
    StoredLeaf {
        serial: leaf.serial.to_string(),
        key_id: leaf.authority_key_id.to_string(),
        issued_at: noted
            .filter(|at| (window.not_before..=window.not_after).contains(at))
            .unwrap_or(window.not_before),
        window,
    }
}

/// The leaf, verified as a peer would at a moment of its life: what this moment means for it, the decision says.
fn verified_leaf(secret: &Secret, input: &ObserveInput<'_>, now: Timestamp) -> Result<Leaf, LeafDefect> {
    let chain = content(secret, key::CERTIFICATE);
    let leaf = Leaf::from_chain_pem(chain).map_err(|error| defect(&error))?;
    let at = now.clamp(leaf.window.not_before, leaf.window.not_after);
    let key = content(secret, key::PRIVATE_KEY);
    let verified = if let Some(root) = input.root {
        verify_as_peer(chain, key, root.bundle, at)
    } else {
        let own =
            TrustBundle::from_pem(content(secret, key::TRUST_BUNDLE)).map_err(|_| LeafDefect::Untrusted)?;
        verify_as_peer(chain, key, &own, at)
    };
    verified.map_err(|error| defect(&error))
}

/// A leaf below the same anchors may be another CA's, which no rotation would replace. A replica that has not read the root
/// Secret since the switch meets leaves of the announced root.
fn of_known_signer(leaf: Leaf, input: &ObserveInput<'_>) -> Result<Leaf, LeafDefect> {
    let key_id = leaf.authority_key_id.to_string();
    let is_known = |rotation: &Rollout| rotation.is_known(&key_id) || rotation.next.as_ref() == Some(&key_id);
    if input.root.is_none_or(|root| is_known(root.rotation)) { Ok(leaf) } else { Err(LeafDefect::Untrusted) }
}

fn defect(error: &LeafError) -> LeafDefect {
    match error {
        LeafError::NotPem | LeafError::TooLarge => LeafDefect::CertificateUnreadable,
        LeafError::KeyUnreadable => LeafDefect::KeyUnreadable,
        LeafError::KeyMismatch => LeafDefect::KeyMismatch,
        LeafError::Untrusted => LeafDefect::Untrusted,
        _ => LeafDefect::Unsound,
    }
}

/// Hash of the bundle in the Secret, if it is the one in force or the one before, spelled as this operator would; anything else
/// is as good as none.
fn bundle_hash(secret: &Secret, input: &ObserveInput<'_>) -> Option<String> {
    let text = content(secret, key::TRUST_BUNDLE);
    let found = TrustBundle::from_pem(text).ok().filter(|bundle| bundle.to_pem().as_bytes() == text)?;
    let hash = found.hash();
    let is_known =
        input.root.is_none_or(|root| *root.bundle == found) || input.former_trust() == Some(&*hash);
    is_known.then_some(hash)
}
