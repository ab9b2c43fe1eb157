//! Evidence that a root existed which the root Secret does not hold (I11). While there is a root Secret, only what the operator
//! itself has written and can prove is evidence: users of a namespace may be able to write anything else.

use std::pin::pin;

use futures::{StreamExt as _, TryStreamExt as _, future::ready, stream};

use super::known_signers::{Claimant, KnownSigners};
use super::loaded_ca::{LoadedCa, LoadedRoot};
use super::ownership_claim::{OwnershipClaim, claims, true_claim};
use crate::api::MtlsIdentity;
use crate::api::names::{annotation, key};
use crate::operator::client::AT_ONCE;
use crate::operator::context::Context;
use crate::operator::error::Error;
use crate::operator::index::awaited_object::AwaitedObject;
use crate::operator::index::identity::{Digest, digest};
use crate::operator::status_proof::is_proven;
use crate::pki::EvidenceKey;
use crate::plan::authority::evidence::Evidence;
use crate::plan::authority::spec::AuthoritySpec;

/// Identities that are read before a root is called lost. One of each namespace comes before the second of any, and the status
/// of the authority names the signer besides.
const MOST_READ: usize = 32;

/// Evidence, and the objects that it rests on: without them it may be none.
pub struct Found {
    /// What is shown.
    pub evidence: Evidence,
    /// By what.
    pub witnesses: Vec<AwaitedObject>,
}

impl Found {
    fn recorded(what: String) -> Self {
        Self { evidence: Evidence::proven(what), witnesses: Vec::new() }
    }
}

/// What shows that a root existed, if the root Secret does not explain it.
///
/// # Errors
/// [`Error`] where something has to be read and cannot be.
pub async fn evidence(
    context: &Context,
    terms: &AuthoritySpec,
    place: &str,
    loaded: &LoadedRoot,
    suspects: &KnownSigners,
) -> Result<Option<Found>, Error> {
    let place = format!("Secret {place}");
    if matches!(loaded, LoadedRoot::Absent) {
        return match of_missing(&place, suspects) {
            Some(found) => Ok(Some(found)),
            None => leaf_without_root(context, terms, &place).await,
        };
    }
    let Some(ca) = loaded.held() else { return Ok(None) };
    let known = ca.signers();
    if let Some(recorded) = suspects.recorded.as_ref().filter(|recorded| !known.contains(recorded)) {
        let what =
            format!("{place} holds another root than the one with key id {recorded}, which status names");
        return Ok(Some(Found::recorded(what)));
    }
    if let Some(what) = of_other_key(&place, ca, suspects) {
        return Ok(Some(Found::recorded(what)));
    }
    let Some(key) = &ca.evidence_key else { return Ok(None) };
    let known: Vec<Digest> = known.iter().map(|key_id| digest(key_id)).collect();
    let unknown = suspects.claimants.iter().filter(|claimant| !known.contains(&claimant.key_id));
    for claimant in unknown.filter(|claimant| claimant.has_proof).take(MOST_READ) {
        if is_true(context, terms, claimant, key).await? {
            let identity = format!("{}/{}", claimant.namespace, claimant.name);
            let what =
                format!("{place} holds another root than the one that MtlsIdentity {identity} depends on");
            let witnesses = vec![AwaitedObject::identity(&claimant.namespace, &claimant.name)];
            return Ok(Some(Found { evidence: Evidence::proven(what), witnesses }));
        }
    }
    Ok(None)
}

/// Whether an identity still says what it said before the root Secret was read, and proves it.
async fn is_true(
    context: &Context,
    terms: &AuthoritySpec,
    claimant: &Claimant,
    key: &EvidenceKey,
) -> Result<bool, Error> {
    let Claimant { namespace, name, key_id, .. } = claimant;
    let Some(identity) = context.requests.read::<MtlsIdentity>(Some(namespace), name).await? else {
        return Ok(false);
    };
    let named = identity.status.as_ref().and_then(|status| status.authority_key_id.as_deref());
    let is_same = named.map(digest) == Some(*key_id) && identity.spec.authority_ref.name == terms.name;
    Ok(is_same && is_proven(&identity, key, context.clock.now()))
}

/// A Secret that lacks the key which status names, or holds another one, is not the one that the operator wrote. Where the
/// loss of that key was accepted, the Secret says so.
fn of_other_key(place: &str, ca: &LoadedCa, suspects: &KnownSigners) -> Option<String> {
    let named = suspects.evidence_key_id.as_ref()?;
    let found = ca.evidence_key.as_ref().map(EvidenceKey::id);
    if found.as_ref() == Some(named) || ca.lost_evidence_key.as_ref() == Some(named) {
        return None;
    }
    let key = key::EVIDENCE_KEY;
    let holds = match found {
        Some(_) => format!("another {key} than the one that status.evidenceKeyID names"),
        None => format!("no {key}, though status.evidenceKeyID names one"),
    };
    Some(format!("{place} holds {holds}: it is another Secret, or a backup from before that key was made"))
}

/// What the statuses show while there is no root Secret.
fn of_missing(place: &str, suspects: &KnownSigners) -> Option<Found> {
    if let Some(key_id) = &suspects.recorded {
        let what = format!("{place} is missing, which held the root with key id {key_id}");
        return Some(Found::recorded(what));
    }
    if let Some(name) = &suspects.evidence_key_id {
        let what = format!("{place} is missing, which held the {} named {name}", key::EVIDENCE_KEY);
        return Some(Found::recorded(what));
    }
    let Claimant { namespace, name, .. } = suspects.claimants.first()?;
    let what =
        format!("{place} is missing, which held the root that MtlsIdentity {namespace}/{name} depends on");
    let otherwise = otherwise("the status of that MtlsIdentity was restored or forged", "that MtlsIdentity");
    let witnesses = vec![AwaitedObject::identity(namespace, name)];
    Some(Found { evidence: Evidence::claimed(what, otherwise), witnesses })
}

fn otherwise(why: &str, what: &str) -> String {
    format!(
        "If there was no such root, because {why}, delete {what}, or annotate this MtlsAuthority with {}=none",
        annotation::ACCEPT_ROOT_LOSS
    )
}

/// While there is no root Secret, a leaf Secret of an identity of this authority shows that there was one. The list is
/// fresh, and an index that lags is not relied on: it must not make a second root.
async fn leaf_without_root(
    context: &Context,
    terms: &AuthoritySpec,
    place: &str,
) -> Result<Option<Found>, Error> {
    let claims = claims(context.leaf_secrets(&terms.name).await?);
    let asked = stream::iter(claims).map(|(owner, claims)| true_claim(context, &terms.name, owner, claims));
    let true_claims = asked.buffered(AT_ONCE).try_filter_map(|found| ready(Ok(found)));
    let Some(OwnershipClaim { namespace, identity, secret }) = pin!(true_claims).try_next().await? else {
        return Ok(None);
    };
    let what = format!("{place} is missing, though Secret {namespace}/{secret} claims a leaf of its root");
    let otherwise = otherwise("that Secret was restored or forged", "that Secret");
    let witnesses =
        vec![AwaitedObject::secret(&namespace, &secret), AwaitedObject::identity(&namespace, &identity)];
    Ok(Some(Found { evidence: Evidence::claimed(what, otherwise), witnesses }))
}
