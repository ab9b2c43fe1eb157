//! The root Secret, read: one object that holds the whole state of an authority, so that each change of it is one
//! compare-and-swap. What is written into it is in `root_change`.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use zeroize::Zeroizing;

use super::annotations::{Origin, RetiringRoot};
use super::distrusted::{accepted_intermediate, distrusted, lost, mark_named, remember_certified};
pub use super::rotation_state::RotationState;
use super::rotation_state::{note, succession};
use crate::api::authority::Phase;
use crate::api::duration;
use crate::api::names::{ROOT_SECRET_TYPE, annotation, key};
use crate::api::secret::content;
use crate::pki::{Authority, AuthorityPem, LoadError, TrustBundle};
use crate::plan::authority::decide::{CaState, NextCa, RootSecret, StoredRetiring};
use crate::plan::authority::distrust::{Distrusted, Why};
use crate::plan::authority::spec::AuthoritySpec;

/// A root Secret that was read.
pub struct LoadedRoot {
    /// What it is, for the decision.
    pub secret: RootSecret,
    /// The CA in force, where it is sound. Whether it may sign, the decision says.
    pub authority: Option<Authority>,
    /// What else is in the Secret, where it is sound.
    pub succession: RotationState,
}

impl LoadedRoot {
    fn without_signer(secret: RootSecret) -> Self {
        Self { secret, authority: None, succession: RotationState::default() }
    }

    /// A Secret that is missing, and whose place is kept for the root of another authority: whoever restores it must not
    /// find another root there.
    #[must_use]
    pub fn kept_for(tenant: &str, place: &str) -> Self {
        Self::without_signer(RootSecret::NotOurs(format!(
            "Secret {place} is missing, but it held the root of MtlsAuthority {tenant:?}; name another one in spec.root.secretName of a new MtlsAuthority"
        )))
    }

    /// Key identifiers of all signers whose leaves can be valid. An announced root has signed nothing: an identity that
    /// depends on it has seen a later state of this Secret.
    #[must_use]
    pub fn signers(&self) -> Vec<String> {
        let signer = self.authority.iter().map(|signer| signer.key_id().to_string());
        let retiring = self.succession.retiring.iter().map(|root| root.key_id.clone());
        let former = self.succession.former.iter().map(|former| former.key_id.clone());
        signer.chain(retiring).chain(former).collect()
    }

    /// What the Secret holds, where its signer is sound or was until it expired.
    #[must_use]
    pub fn stored(&self) -> Option<&CaState> {
        self.secret.stored()
    }
}

/// Reads a root Secret.
#[must_use]
pub fn load(secret: Option<&Secret>, terms: &AuthoritySpec, place: &str, now: Timestamp) -> LoadedRoot {
    let Some(secret) = secret else { return LoadedRoot::without_signer(RootSecret::Absent) };
    if let Some(strange) = strange(secret, terms, place) {
        return LoadedRoot::without_signer(strange);
    }
    match Authority::load(&pem(secret), now) {
        Err(LoadError::Expired { not_after }) if not_after < now => {
            match load(Some(secret), terms, place, not_after) {
                // What it was while it could sign is known; that it signs no more is the decision's business.
                LoadedRoot { secret: RootSecret::Sound(root), authority, succession } => {
                    LoadedRoot { secret: RootSecret::Expired(root), authority, succession }
                }
                unsound => unsound,
            }
        }
        Err(error) => LoadedRoot::without_signer(RootSecret::Invalid(unusable(place, &error, now))),
        Ok(authority) => surrounded(secret, terms, place, authority, now),
    }
}

fn unusable(place: &str, error: &LoadError, now: Timestamp) -> String {
    match error {
        LoadError::NotYetValid { not_before } if now < *not_before => format!(
            "the root in Secret {place} is valid from {not_before} on, and here it is {now}; correct the clock of this node. Signing begins at that time"
        ),
        error => format!("Secret {place}: {error}; restore it from a backup"),
    }
}

/// The signer among those that come after it and those that came before.
fn surrounded(
    secret: &Secret,
    terms: &AuthoritySpec,
    place: &str,
    authority: Authority,
    now: Timestamp,
) -> LoadedRoot {
    let mut succession = match succession(secret, &authority, now) {
        Ok(succession) => succession,
        Err(what) => {
            let why = format!("Secret {place}: {what} is damaged; restore it from a backup");
            return LoadedRoot::without_signer(RootSecret::Invalid(why));
        }
    };
    mark_named(&mut succession.former, &terms.distrust);
    remember_certified(&mut succession, &authority, terms);
    let others: Vec<&TrustBundle> =
        succession.next.iter().map(Authority::anchors).chain(&succession.retiring_anchors).collect();
    let is_next_generated = !is_provided(secret, annotation::NEXT_ORIGIN);
    let distrusted = distrusted(&authority, &succession, is_next_generated, &terms.distrust);
    let lost = lost(&authority, &succession, &distrusted, &terms.distrust);
    let cross = succession.cross.as_ref().filter(|cross| cross.is_valid_at(now));
    let authority = authority.among(&others, cross, &lost);
    let root = stored(secret, terms, &authority, &succession, distrusted);
    LoadedRoot { secret: RootSecret::Sound(root), authority: Some(authority), succession }
}

/// What keeps a Secret from being this authority's, whatever it holds.
fn strange(secret: &Secret, terms: &AuthoritySpec, place: &str) -> Option<RootSecret> {
    if secret.type_.as_deref() != Some(ROOT_SECRET_TYPE) {
        let type_ = secret.type_.as_deref().unwrap_or("Opaque");
        return Some(RootSecret::NotOurs(format!(
            "Secret {place} has the type {type_}, not {ROOT_SECRET_TYPE}; restore it with that type if it is a backup, else name another one in spec.root.secretName of a new MtlsAuthority"
        )));
    }
    let authority = note(secret, annotation::AUTHORITY).map_or("", String::as_str);
    if authority != terms.name {
        return Some(RootSecret::NotOurs(format!(
            "Secret {place} holds the root of MtlsAuthority {authority:?}; name another one in spec.root.secretName of a new MtlsAuthority"
        )));
    }
    let trust_domain = note(secret, annotation::TRUST_DOMAIN).map_or("", String::as_str);
    (trust_domain != terms.trust_domain.to_string()).then(|| {
        RootSecret::OtherTrustDomain(format!(
            "Secret {place} holds a root of trust domain {trust_domain:?}, but spec.trustDomain is {}; create the MtlsAuthority with that trust domain, or under another name",
            terms.trust_domain
        ))
    })
}

fn is_provided(secret: &Secret, key: &str) -> bool {
    note(secret, key).map(String::as_str) == Some(Origin::Provided.as_str())
}

fn stored(
    secret: &Secret,
    terms: &AuthoritySpec,
    authority: &Authority,
    succession: &RotationState,
    distrusted: Distrusted,
) -> CaState {
    let recorded = note(secret, annotation::MAX_LEAF_TTL).and_then(|text| duration::parse(text));
    let accepted = accepted_intermediate(authority, &succession.former, &distrusted);
    let next = succession.next.as_ref().map(|next| NextCa {
        fingerprint: next.fingerprint().to_string(),
        anchors: next.anchors().hash(),
        is_provided: is_provided(secret, annotation::NEXT_ORIGIN),
        distrusted: distrusted.next,
        is_certified: succession.next_cross.is_some(),
    });
    CaState {
        version: secret.metadata.resource_version.clone().unwrap_or_default(),
        fingerprint: authority.fingerprint().to_string(),
        anchors: authority.anchors().hash(),
        window: authority.window(),
        is_provided: is_provided(secret, annotation::ORIGIN),
        distrusted: distrusted.signer,
        accepted_intermediate: accepted.map(|below| (below.fingerprint, below.not_after)),
        is_certified: authority.has_cross_certificate(),
        max_leaf_ttl: recorded.map_or_else(|| terms.max_leaf_ttl.as_secs() - 1, |ttl| ttl.as_secs()),
        phase: note(secret, annotation::PHASE).and_then(|word| Phase::parse(word)).unwrap_or_default(),
        since: succession.since.unwrap_or(authority.window().not_before),
        next,
        retiring: succession.retiring.iter().zip(distrusted.retiring).map(stored_retiring).collect(),
        rotate_request: succession.rotate_request.clone(),
        has_evidence_key: succession.evidence_key.is_some(),
    }
}

fn stored_retiring((root, distrusted): (&RetiringRoot, Option<Why>)) -> StoredRetiring {
    StoredRetiring { fingerprint: root.fingerprint.clone(), distrusted, until: root.until }
}

/// The CA in a Secret, as PEM.
#[must_use]
pub fn pem(secret: &Secret) -> AuthorityPem {
    pem_at(secret, [key::CERTIFICATE, key::PRIVATE_KEY, key::TRUST_BUNDLE])
}

/// The announced CA in a root Secret, as PEM.
#[must_use]
pub fn next_pem(secret: &Secret) -> AuthorityPem {
    pem_at(secret, [key::NEXT_CERTIFICATE, key::NEXT_PRIVATE_KEY, key::NEXT_TRUST_BUNDLE])
}

fn pem_at(secret: &Secret, [chain, private_key, anchors]: [&str; 3]) -> AuthorityPem {
    AuthorityPem {
        chain: content(secret, chain).to_vec(),
        key: Zeroizing::new(content(secret, private_key).to_vec()),
        anchors: content(secret, anchors).to_vec(),
    }
}
