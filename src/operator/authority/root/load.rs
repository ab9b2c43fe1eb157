//! Reads a root Secret: one object that holds the whole state of an authority, so that each change of it is one
//! compare-and-swap. `transition` says what is written into it.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;

use super::ca_pem::pem;
use super::distrusted::{leaving_roots, mark_distrusted};
use super::loaded_ca::{LoadedCa, LoadedRoot};
use super::parse::parse;
use crate::api::names::{ROOT_SECRET_TYPE, annotation};
use crate::api::secret::annotated;
use crate::pki::{Authority, LoadError, TrustBundle};
use crate::plan::authority::ca_state::RootSecret;
use crate::plan::authority::spec::AuthoritySpec;

/// A Secret that is missing, and whose name is reserved for the root of another authority: where that one is restored, no
/// other root may be in its place.
#[must_use]
pub fn reserved_for(owner: &str, place: &str) -> LoadedRoot {
    RootSecret::NotOurs(format!(
        "Secret {place} is missing, but it held the root of MtlsAuthority {owner:?}; name another one in spec.root.secretName of a new MtlsAuthority"
    ))
}

/// Reads a root Secret.
#[must_use]
pub fn load(secret: Option<&Secret>, spec: &AuthoritySpec, place: &str, now: Timestamp) -> LoadedRoot {
    let Some(secret) = secret else { return RootSecret::Absent };
    if let Some(foreign) = foreign(secret, spec, place) {
        return foreign;
    }
    match Authority::load(&pem(secret), now) {
        Err(LoadError::Expired { not_after }) if not_after < now => {
            match load(Some(secret), spec, place, not_after) {
                // What it was while it could sign is known; that it signs no more is the decision's business.
                RootSecret::Sound(ca) => RootSecret::Expired(ca),
                unsound => unsound,
            }
        }
        Err(error) => RootSecret::Invalid(unusable(place, &error, now)),
        Ok(signer) => match parse(secret, signer, spec, now) {
            Ok(ca) => RootSecret::Sound(with_distrust(ca, spec, now)),
            Err(key) => {
                RootSecret::Invalid(format!("Secret {place}: {key} is damaged; restore it from a backup"))
            }
        },
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

/// The same CA with the trust bundle in force: all roots that it holds, but for what is distrusted.
fn with_distrust(mut ca: LoadedCa, spec: &AuthoritySpec, now: Timestamp) -> LoadedCa {
    mark_distrusted(&mut ca, spec);
    let leaving = leaving_roots(&ca, &spec.distrust);
    let next = ca.next.iter().map(|next| next.ca.anchors());
    let others: Vec<&TrustBundle> = next.chain(&ca.retiring_anchors).collect();
    let cross = ca.signer.cross.as_ref().filter(|cross| cross.is_valid_at(now));
    ca.signer.ca = ca.signer.ca.with_rotation(&others, cross, &leaving);
    ca
}

/// What keeps a Secret from being this authority's, whatever it holds.
fn foreign(secret: &Secret, spec: &AuthoritySpec, place: &str) -> Option<LoadedRoot> {
    if secret.type_.as_deref() != Some(ROOT_SECRET_TYPE) {
        let type_ = secret.type_.as_deref().unwrap_or("Opaque");
        return Some(RootSecret::NotOurs(format!(
            "Secret {place} has the type {type_}, not {ROOT_SECRET_TYPE}; restore it with that type if it is a backup, else name another one in spec.root.secretName of a new MtlsAuthority"
        )));
    }
    let authority = annotated(secret, annotation::AUTHORITY).unwrap_or_default();
    if authority != spec.name {
        return Some(RootSecret::NotOurs(format!(
            "Secret {place} holds the root of MtlsAuthority {authority:?}; name another one in spec.root.secretName of a new MtlsAuthority"
        )));
    }
    let trust_domain = annotated(secret, annotation::TRUST_DOMAIN).unwrap_or_default();
    (trust_domain != spec.trust_domain.to_string()).then(|| {
        RootSecret::OtherTrustDomain(format!(
            "Secret {place} holds a root of trust domain {trust_domain:?}, but spec.trustDomain is {}; create the MtlsAuthority with that trust domain, or under another name",
            spec.trust_domain
        ))
    })
}
