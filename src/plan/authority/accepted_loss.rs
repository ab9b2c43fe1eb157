//! Which lost root is accepted as lost, by the annotation `accept-root-loss`.
//!
//! An annotation that was left over accepts nothing later: it names the root that is missing now, or says that there was none.

use crate::api::MtlsAuthority;
use crate::api::authority::{RootRole, RootStatus};
use crate::api::names::annotation;
use crate::pki::Fingerprint;

/// The value of the annotation where there was no root.
const NONE: &str = "none";

/// What the annotation accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AcceptedLoss {
    /// It is not set.
    NotAsked,
    /// Nothing: a sentence.
    Refused(String),
    /// That there was no root.
    NoneLost,
    /// The loss of this root.
    Root(Fingerprint),
}

/// What the annotation of an authority accepts.
#[must_use]
pub fn accepted_loss(authority: &MtlsAuthority, has_root_secret: bool) -> AcceptedLoss {
    match authority.accepted_loss().map(str::trim) {
        None => AcceptedLoss::NotAsked,
        Some(NONE) => none_lost(authority, has_root_secret),
        Some(text) => {
            let roots = authority.status.as_ref().map_or(&[][..], |status| &status.roots);
            named(text, roots).map_or_else(AcceptedLoss::Refused, AcceptedLoss::Root)
        }
    }
}

/// That there was no root is accepted only of an authority that never had one.
fn none_lost(authority: &MtlsAuthority, has_root_secret: bool) -> AcceptedLoss {
    let what = format!("the annotation {} says {NONE}", annotation::ACCEPT_ROOT_LOSS);
    let status = authority.status.as_ref();
    if status.is_some_and(|status| !status.roots.is_empty() || status.evidence_key_id.is_some()) {
        return AcceptedLoss::Refused(format!(
            "{what}, but there was a root: name the fingerprint of the missing root, as status.roots shows it"
        ));
    }
    if has_root_secret {
        return AcceptedLoss::Refused(format!(
            "{what}, but there is a root Secret: name the fingerprint of the missing root, or keep a copy of that Secret and delete it"
        ));
    }
    AcceptedLoss::NoneLost
}

/// The root that the annotation names must be the missing one.
fn named(text: &str, roots: &[RootStatus]) -> Result<Fingerprint, String> {
    let what = annotation::ACCEPT_ROOT_LOSS;
    let lost: Fingerprint = text.parse().map_err(|error| format!("the annotation {what} {error}"))?;
    let signing = roots.iter().find(|root| root.role == RootRole::Signing.as_str());
    match signing.filter(|root| root.fingerprint != lost.to_string()) {
        Some(signing) => Err(format!(
            "the annotation {what} names {lost}, but the missing root has fingerprint {}",
            signing.fingerprint
        )),
        None => Ok(lost),
    }
}
