//! Going on without a lost root, once a person has accepted the loss by naming it: its certificate is found in a trust
//! bundle, and stays trusted until its last leaf is gone.

use jiff::Timestamp;

use super::annotations::FormerKey;
use super::former_keys::former_keys;
use super::known_signers::KnownSigners;
use super::leaf_secrets::{LeafSecret, leaves};
use super::loaded_ca::LoadedRoot;
use super::lost_certificate::find;
use crate::api::authority::{RootRole, RootStatus};
use crate::api::names::annotation;
use crate::api::{MtlsAuthority, MtlsIdentity};
use crate::operator::context::Context;
use crate::operator::error::Error;
use crate::operator::status_proof::is_proven;
use crate::pki::{Fingerprint, KeyId, TrustBundle};
use crate::plan::authority::retiring_root::RetiringRoot;
use crate::plan::authority::spec::AuthoritySpec;
use crate::plan::authority::world::LossAcceptance;

/// What a person says where there was no root.
const NONE: &str = "none";
/// Identities that are read for the signers that their statuses name.
const MOST_READ: usize = 100;

/// What is left of a lost root.
pub struct Recovery {
    /// Its certificate, and those of other roots that were trusted beside it.
    pub anchors: TrustBundle,
    /// The same, as they stay trusted.
    pub retiring: Vec<RetiringRoot>,
    /// Other signers whose leaves may be left.
    pub former: Vec<FormerKey>,
}

/// Finds what is left of the root whose loss a person has accepted.
///
/// # Errors
/// [`Error`] where Secrets cannot be read.
pub async fn recover(
    context: &Context,
    authority: &MtlsAuthority,
    terms: &AuthoritySpec,
    loaded: &LoadedRoot,
    suspects: &KnownSigners,
) -> Result<(LossAcceptance, Option<Recovery>), Error> {
    let Some(text) = authority.accepted_loss() else { return Ok((LossAcceptance::NotAsked, None)) };
    if text.trim() == NONE {
        return Ok((none_lost(authority, loaded), None));
    }
    let roots = authority.status.as_ref().map_or(&[][..], |status| &status.roots);
    let lost = match named(text, roots) {
        Ok(lost) => lost,
        Err(why) => return Ok((LossAcceptance::Refused(why), None)),
    };
    let leaves = leaves(context, terms).await?;
    let anchors = match find(context, terms, &leaves, lost, roots).await? {
        Ok(anchors) => anchors,
        Err(why) => return Ok((LossAcceptance::Refused(why), None)),
    };
    let now = context.clock.now();
    // What Secrets say of their leaves others can have written: trust lasts for the leaves that may be asked for now.
    let until = last_leaf_end(terms, now, now);
    let retiring: Vec<RetiringRoot> =
        anchors.fingerprints().filter_map(|found| retiring(&anchors, found, until)).collect();
    // That a signer was known trusts nothing: what is seen of its leaves is believed to the end of the last root that is left.
    let end = leaves.iter().filter_map(|leaf| leaf.not_after).max().unwrap_or(now);
    let roots_end = retiring.iter().map(|root| root.not_after).max().unwrap_or(now);
    let believed = last_leaf_end(terms, end, now).min(roots_end.max(until));
    let named = leaves.iter().filter_map(LeafSecret::named);
    // Those that stay trusted are among them: a leaf of one may outlive the trust in it, and is then no new evidence.
    let recorded = recorded(context, loaded, suspects).await?;
    let former = former_keys(recorded, named, &[], believed);
    Ok((LossAcceptance::Found, Some(Recovery { anchors, retiring, former })))
}

/// That there was no root is believed only of an authority that never had one: an annotation that was left over accepts
/// nothing later.
fn none_lost(authority: &MtlsAuthority, loaded: &LoadedRoot) -> LossAcceptance {
    let what = format!("the annotation {} says {NONE}", annotation::ACCEPT_ROOT_LOSS);
    let status = authority.status.as_ref();
    if status.is_some_and(|status| !status.roots.is_empty() || status.evidence_key_id.is_some()) {
        return LossAcceptance::Refused(format!(
            "{what}, but there was a root: name the fingerprint of the one that is missed, as status.roots shows it"
        ));
    }
    if !matches!(loaded, LoadedRoot::Absent) {
        return LossAcceptance::Refused(format!(
            "{what}, but there is a root Secret: name the fingerprint of the root that is missed, or keep a copy of that Secret and delete it"
        ));
    }
    LossAcceptance::NoneLost
}

/// The root that a person names must be the one that is missed: an annotation that was left over accepts nothing later.
fn named(text: &str, roots: &[RootStatus]) -> Result<Fingerprint, String> {
    let what = annotation::ACCEPT_ROOT_LOSS;
    let lost: Fingerprint = text.trim().parse().map_err(|error| format!("the annotation {what} {error}"))?;
    let signing = roots.iter().find(|root| root.role == RootRole::Signing.as_str());
    match signing.filter(|root| root.fingerprint != lost.to_string()) {
        Some(signing) => Err(format!(
            "the annotation {what} names {lost}, but the root that is missed has fingerprint {}",
            signing.fingerprint
        )),
        None => Ok(lost),
    }
}

fn retiring(anchors: &TrustBundle, fingerprint: Fingerprint, until: Timestamp) -> Option<RetiringRoot> {
    let (key_id, window) = anchors.describe(&fingerprint)?;
    let others = anchors.fingerprints().filter(|other| *other != fingerprint).map(|other| other.to_string());
    Some(RetiringRoot {
        fingerprint: fingerprint.to_string(),
        key_id: key_id.to_string(),
        chain: vec![fingerprint.to_string()],
        anchors: vec![fingerprint.to_string()],
        not_before: window.not_before,
        not_after: window.not_after,
        until: until.min(window.not_after),
        // What it has certified is lost with the Secret that held it: any of those that were trusted beside it.
        certified: Some(others.collect()),
        distrusted: None,
    })
}

/// The signers that statuses speak of: none of them is evidence of a loss any more. Where proofs can be told from inventions,
/// nothing else is believed.
async fn recorded(
    context: &Context,
    loaded: &LoadedRoot,
    suspects: &KnownSigners,
) -> Result<Vec<KeyId>, Error> {
    let (key, now) = (loaded.held().and_then(|ca| ca.evidence_key.as_ref()), context.clock.now());
    let mut key_ids = Vec::new();
    for claimant in suspects.claimants.iter().take(MOST_READ) {
        let (namespace, name) = (&claimant.namespace, &claimant.name);
        let identity = context.requests.read::<MtlsIdentity>(Some(namespace), name).await?;
        let credible = identity.filter(|identity| key.is_none_or(|key| is_proven(identity, key, now)));
        let key_id = credible.and_then(|identity| identity.status?.authority_key_id);
        key_ids.extend(key_id.and_then(|text| text.parse().ok()));
    }
    Ok(key_ids)
}

/// The last moment at which a leaf of the lost root can be valid: it may have signed more than what is seen.
fn last_leaf_end(spec: &AuthoritySpec, seen: Timestamp, now: Timestamp) -> Timestamp {
    let unseen = now.checked_add(spec.max_leaf_ttl).unwrap_or(Timestamp::MAX);
    spec.timing().skewed(seen.max(unseen))
}
