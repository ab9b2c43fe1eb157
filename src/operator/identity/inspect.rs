//! What a Secret that was read holds for its identity, verified as a peer would verify it.
//!
//! Pure: the same Secret, subject and moment give the same answer.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;

use super::observe::{ObserveInput, ObservedSecret, verified_version};
use super::secret_metadata::{LeafAnnotations, SecretMetadata};
use crate::api::names::{annotation, key};
use crate::api::secret::content;
use crate::pki::{Leaf, LeafError, TrustBundle, verify_as_peer};
use crate::plan::identity::profile::ProfileHash;
use crate::plan::identity::world::{
    Authorization, LeafDefect, OwnedSecret, Rollout, SecretState, StoredLeaf,
};

/// What was found, without its metadata.
pub fn held(
    now: Timestamp,
    subject: &ObserveInput<'_>,
    secret: &Secret,
    mine: bool,
    recorded: i64,
) -> ObservedSecret {
    let note = |key: &str| secret.metadata.annotations.as_ref().and_then(|notes| notes.get(key)).cloned();
    let revision = note(annotation::REVISION).and_then(|text| text.parse().ok()).unwrap_or(0).max(recorded);
    let verified =
        verified_leaf(secret, subject.bundle, now).and_then(|leaf| of_known_signer(leaf, subject.rotation));
    let leaf =
        verified.as_ref().map(|leaf| held_leaf(leaf, note(annotation::ISSUED_AT))).map_err(|damage| *damage);
    let renew_request = note(annotation::RENEW_REQUEST);
    let trust = bundle_hash(secret, subject);
    let notes = leaf.as_ref().ok().map(|leaf| LeafAnnotations {
        serial: leaf.serial.clone(),
        not_after: leaf.window.not_after,
        authority_key_id: leaf.key_id.clone(),
        profile: subject
            .allowed
            .map(|allowed| allowed.profile.to_string())
            .or_else(|| note(annotation::PROFILE)),
        trust: trust.clone().or_else(|| subject.bundle.map(TrustBundle::hash)),
        issued_at: leaf.issued_at,
        revision,
        renew_request: renew_request.clone(),
    });
    // What was written and is still as it was stored then would be stored so again.
    let is_as_stored = verified_version(subject.identity) == secret.metadata.resource_version.as_deref();
    let is_worn = |notes| SecretMetadata::of(subject.asked, notes).patch(&secret.metadata).is_empty();
    let dressed = is_as_stored || notes.as_ref().is_none_or(is_worn);
    let held = OwnedSecret {
        version: secret.metadata.resource_version.clone().unwrap_or_default(),
        mine,
        leaf,
        profile: note(annotation::PROFILE).as_deref().and_then(ProfileHash::parse),
        fits: verified.as_ref().is_ok_and(|leaf| fits(leaf, subject.allowed)),
        trust,
        dressed,
        renew_request,
    };
    ObservedSecret { observed: SecretState::Held(held), leaf: verified.ok(), notes, metadata: None, revision }
}

/// While it is not known what is allowed, the leaf is taken for what it is.
fn fits(leaf: &Leaf, allowed: Option<&Authorization>) -> bool {
    allowed.and_then(Authorization::leaf).is_none_or(|entitlement| entitlement.is_met_by(leaf))
}

/// The moment of issuance; where people edited the note, the start of validity.
fn held_leaf(leaf: &Leaf, issued_at: Option<String>) -> StoredLeaf {
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
fn verified_leaf(secret: &Secret, bundle: Option<&TrustBundle>, now: Timestamp) -> Result<Leaf, LeafDefect> {
    let chain = content(secret, key::CERTIFICATE);
    let leaf = Leaf::from_chain_pem(chain).map_err(|error| damage(&error))?;
    let at = now.clamp(leaf.window.not_before, leaf.window.not_after);
    let key = content(secret, key::PRIVATE_KEY);
    let verified = if let Some(bundle) = bundle {
        verify_as_peer(chain, key, bundle, at)
    } else {
        let own =
            TrustBundle::from_pem(content(secret, key::TRUST_BUNDLE)).map_err(|_| LeafDefect::Untrusted)?;
        verify_as_peer(chain, key, &own, at)
    };
    verified.map_err(|error| damage(&error))
}

/// A leaf below the same anchors may be another CA's, which no rotation would replace. A replica that has not read the root
/// Secret since the switch meets leaves of the announced root.
fn of_known_signer(leaf: Leaf, rotation: Option<&Rollout>) -> Result<Leaf, LeafDefect> {
    let key_id = leaf.authority_key_id.to_string();
    let is_known =
        |rotation: &Rollout| rotation.is_known(&key_id) || rotation.next.as_deref() == Some(&*key_id);
    if rotation.is_none_or(is_known) { Ok(leaf) } else { Err(LeafDefect::Untrusted) }
}

fn damage(error: &LeafError) -> LeafDefect {
    match error {
        LeafError::NotPem | LeafError::TooLarge => LeafDefect::CertificateUnreadable,
        LeafError::KeyUnreadable => LeafDefect::KeyUnreadable,
        LeafError::KeyMismatch => LeafDefect::KeyMismatch,
        LeafError::Untrusted => LeafDefect::Untrusted,
        _ => LeafDefect::Unsound,
    }
}

/// Hash of the bundle in the Secret, if it is the one in force or the one before, spelled as we would; anything else is
/// as good as none.
fn bundle_hash(secret: &Secret, subject: &ObserveInput<'_>) -> Option<String> {
    let text = content(secret, key::TRUST_BUNDLE);
    let found = TrustBundle::from_pem(text).ok().filter(|bundle| bundle.to_pem().as_bytes() == text)?;
    let hash = found.hash();
    let is_known =
        subject.bundle.is_none_or(|bundle| *bundle == found) || subject.former_trust() == Some(&*hash);
    is_known.then_some(hash)
}
