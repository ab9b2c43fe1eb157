//! Going on without a lost root, once a person has accepted the loss by naming it: its certificate is found in a trust
//! bundle, and stays trusted until its last leaf is gone.

use std::collections::BTreeSet;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::annotations::{FormerKey, RetiringRoot};
use super::former_keys::{SignerMention, former_keys};
use super::known_signers::KnownSigners;
use super::load::LoadedRoot;
use super::lost_certificate::find;
use super::ownership_claim::{exists, is_owned};
use crate::api::authority::{RootRole, RootStatus};
use crate::api::names::{annotation, label};
use crate::api::{MtlsAuthority, MtlsIdentity};
use crate::operator::client::AT_ONCE;
use crate::operator::context::Context;
use crate::operator::error::Error;
use crate::operator::status_proof::is_proven;
use crate::pki::{Fingerprint, KeyId, TrustBundle, whole_second};
use crate::plan::authority::decide::{LossAcceptance, RootSecret};
use crate::plan::authority::spec::AuthoritySpec;

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
    let annotations = authority.metadata.annotations.as_ref();
    let Some(text) = annotations.and_then(|found| found.get(annotation::ACCEPT_ROOT_LOSS)) else {
        return Ok((LossAcceptance::NotAsked, None));
    };
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
    let until = bound(terms, now, now);
    let retiring: Vec<RetiringRoot> =
        anchors.fingerprints().filter_map(|found| retiring(&anchors, found, until)).collect();
    // That a signer was known trusts nothing: what is seen of its leaves is believed to the end of the last root that is left.
    let end = leaves.iter().filter_map(|leaf| leaf.not_after).max().unwrap_or(now);
    let roots_end = retiring.iter().map(|root| root.not_after).max().unwrap_or(now);
    let believed = bound(terms, end, now).min(roots_end.max(until));
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
    if loaded.secret != RootSecret::Absent {
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

/// One leaf Secret of an identity that exists, as its metadata say.
pub(super) struct LeafSecret {
    pub(super) namespace: String,
    pub(super) name: String,
    identity: String,
    uid: Option<String>,
    /// Hash of the trust bundle in it.
    pub(super) trust: Option<String>,
    key_id: Option<KeyId>,
    not_after: Option<Timestamp>,
}

impl LeafSecret {
    /// Namespace and name of its identity.
    fn owner(&self) -> (String, String) {
        (self.namespace.clone(), self.identity.clone())
    }

    /// Whether it is known to be what the operator wrote for an identity of this authority.
    pub(super) async fn is_owned(&self, context: &Context, terms: &AuthoritySpec) -> Result<bool, Error> {
        is_owned(context, &terms.name, &self.namespace, &self.identity, self.uid.as_deref()).await
    }

    fn named(&self) -> Option<SignerMention> {
        let (namespace, identity) = self.owner();
        Some(SignerMention { key_id: self.key_id.clone()?, namespace, identity })
    }
}

/// The list is fresh, and an index that lags is not relied on: whoever it does not know yet may hold the only bundle with
/// the lost root, or the last of its leaves.
async fn leaves(context: &Context, terms: &AuthoritySpec) -> Result<Vec<LeafSecret>, Error> {
    let list = context.leaf_secrets(&terms.name).await?;
    let mut leaves: Vec<_> = list.into_iter().filter_map(|secret| leaf(secret.metadata)).collect();
    // Each is asked for once, however many Secrets name it.
    let owners: BTreeSet<_> = leaves.iter().map(LeafSecret::owner).collect();
    let asked = stream::iter(owners).map(|owner| present(context, owner));
    let found: Vec<Option<_>> = asked.buffer_unordered(AT_ONCE).try_collect().await?;
    let present: BTreeSet<_> = found.into_iter().flatten().collect();
    leaves.retain(|leaf| present.contains(&leaf.owner()));
    Ok(leaves)
}

/// This identity, if it exists.
async fn present(context: &Context, owner: (String, String)) -> Result<Option<(String, String)>, Error> {
    Ok(exists(context, &owner.0, &owner.1).await?.then_some(owner))
}

/// What the metadata of a leaf Secret say of it.
fn leaf(meta: ObjectMeta) -> Option<LeafSecret> {
    let identity = meta.labels?.remove(label::IDENTITY).filter(|identity| !identity.is_empty())?;
    let mut notes = meta.annotations.unwrap_or_default();
    Some(LeafSecret {
        namespace: meta.namespace?,
        name: meta.name?,
        identity,
        uid: notes.remove(annotation::IDENTITY_UID),
        trust: notes.remove(annotation::TRUST),
        key_id: notes.remove(annotation::AUTHORITY_KEY_ID).and_then(|text| text.parse().ok()),
        not_after: notes.remove(annotation::NOT_AFTER).and_then(|text| text.parse().ok()),
    })
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
    })
}

/// The last moment at which a leaf of the lost root can be valid: nobody can say what it signed besides what is seen.
fn bound(terms: &AuthoritySpec, end: Timestamp, now: Timestamp) -> Timestamp {
    let skew = SignedDuration::from_mins(5).min(terms.propagation);
    let unseen = now.checked_add(terms.max_leaf_ttl).unwrap_or(Timestamp::MAX);
    let bound = end.max(unseen).checked_add(skew + SignedDuration::from_secs(1)).unwrap_or(Timestamp::MAX);
    whole_second(bound)
}

/// The signers that statuses speak of: none of them is evidence of a loss any more. Where proofs can be told from inventions,
/// nothing else is believed.
async fn recorded(
    context: &Context,
    loaded: &LoadedRoot,
    suspects: &KnownSigners,
) -> Result<Vec<KeyId>, Error> {
    let (key, now) = (loaded.succession.evidence_key.as_ref(), context.clock.now());
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
