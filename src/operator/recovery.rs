//! Going on without a lost root, once a person has accepted the loss by naming it: its certificate is found in a trust
//! bundle, and stays trusted until its last leaf is gone.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::context::Context;
use super::error::Error;
use super::evidence::{Suspects, exists};
use super::former_keys::{Named, former_keys};
use super::observe::content;
use super::root_notes::{FormerKey, Retiring};
use crate::api::authority::{RootRole, RootStatus};
use crate::api::names::{annotation, key, label};
use crate::api::{MtlsAuthority, MtlsIdentity};
use crate::pki::{Fingerprint, KeyId, TrustBundle};
use crate::plan::root::Acceptance;
use crate::plan::terms::Terms;

/// What is left of a lost root.
pub struct Recovery {
    /// Its certificate, and those of other roots that were trusted beside it.
    pub anchors: TrustBundle,
    /// The same, as they stay trusted.
    pub retiring: Vec<Retiring>,
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
    terms: &Terms,
    suspects: &Suspects,
) -> Result<(Acceptance, Option<Recovery>), Error> {
    let annotations = authority.metadata.annotations.as_ref();
    let Some(text) = annotations.and_then(|found| found.get(annotation::ACCEPT_ROOT_LOSS)) else {
        return Ok((Acceptance::NotAsked, None));
    };
    let roots = authority.status.as_ref().map_or(&[][..], |status| &status.roots);
    let lost = match named(text, roots) {
        Ok(lost) => lost,
        Err(why) => return Ok((Acceptance::Refused(why), None)),
    };
    let leaves = leaves(context, terms).await?;
    let Some(anchors) = find(context, &leaves, lost, roots).await? else {
        let why = format!("no trust bundle of this authority holds a root with fingerprint {lost}");
        return Ok((Acceptance::Refused(why), None));
    };
    let now = context.clock.now();
    let end = leaves.iter().filter_map(|leaf| leaf.not_after).max().unwrap_or(now);
    let until = bound(terms, end, now);
    let retiring: Vec<Retiring> =
        anchors.fingerprints().filter_map(|found| retiring(&anchors, found, until)).collect();
    // Nobody knows when these end, and what is seen of their leaves others can have written: beyond the leaves that may
    // be asked for now, it is believed no further than to the end of the last root that is left.
    let roots_end = retiring.iter().map(|root| root.not_after).max().unwrap_or(now);
    let believed = until.min(roots_end.max(bound(terms, now, now)));
    let named = leaves.iter().filter_map(LeafSecret::named);
    let former = former_keys(recorded(context, suspects).await?, named, &retiring, believed);
    Ok((Acceptance::Found, Some(Recovery { anchors, retiring, former })))
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

/// One leaf Secret of an identity that exists.
struct LeafSecret {
    namespace: String,
    name: String,
    identity: String,
    key_id: Option<KeyId>,
    not_after: Option<Timestamp>,
}

impl LeafSecret {
    /// Namespace and name of its identity.
    fn owner(&self) -> (String, String) {
        (self.namespace.clone(), self.identity.clone())
    }

    fn named(&self) -> Option<Named> {
        let (namespace, identity) = self.owner();
        Some(Named { key_id: self.key_id.clone()?, namespace, identity })
    }
}

/// The list is fresh, and an index that lags is not relied on: whoever it does not know yet may hold the only bundle with
/// the lost root, or the last of its leaves.
async fn leaves(context: &Context, terms: &Terms) -> Result<Vec<LeafSecret>, Error> {
    let list = context.leaf_secrets(&terms.name).await?;
    let mut leaves: Vec<_> = list.into_iter().filter_map(|secret| leaf(secret.metadata)).collect();
    // Asked once of each, however many Secrets name it.
    let owners: BTreeSet<_> = leaves.iter().map(LeafSecret::owner).collect();
    let mut present = BTreeSet::new();
    for (namespace, identity) in owners {
        if exists(context, &namespace, &identity).await? {
            present.insert((namespace, identity));
        }
    }
    leaves.retain(|leaf| present.contains(&leaf.owner()));
    Ok(leaves)
}

/// What the metadata of a leaf Secret say of it.
fn leaf(meta: ObjectMeta) -> Option<LeafSecret> {
    let identity = meta.labels?.remove(label::IDENTITY).filter(|identity| !identity.is_empty())?;
    let mut notes = meta.annotations.unwrap_or_default();
    Some(LeafSecret {
        namespace: meta.namespace?,
        name: meta.name?,
        identity,
        key_id: notes.remove(annotation::AUTHORITY_KEY_ID).and_then(|text| text.parse().ok()),
        not_after: notes.remove(annotation::NOT_AFTER).and_then(|text| text.parse().ok()),
    })
}

/// The certificate of the lost root from the first bundle that holds it. What else lies there is taken only if the
/// operator itself has recorded it: users of a namespace can write into its Secrets.
async fn find(
    context: &Context,
    leaves: &[LeafSecret],
    lost: Fingerprint,
    roots: &[RootStatus],
) -> Result<Option<TrustBundle>, Error> {
    let recorded = roots.iter().filter_map(|root| root.fingerprint.parse().ok());
    let wanted: Vec<Fingerprint> = recorded.chain([lost]).collect();
    for leaf in leaves {
        let found = context.requests.secret(&leaf.namespace, &leaf.name).await?;
        let bundle = found.and_then(|secret| TrustBundle::from_pem(content(&secret, key::TRUST_BUNDLE)).ok());
        if let Some(bundle) = bundle.filter(|bundle| bundle.contains(&lost)) {
            return Ok(bundle.among(&wanted));
        }
    }
    Ok(None)
}

fn retiring(anchors: &TrustBundle, fingerprint: Fingerprint, until: Timestamp) -> Option<Retiring> {
    let (key_id, window) = anchors.describe(&fingerprint)?;
    Some(Retiring {
        fingerprint: fingerprint.to_string(),
        key_id: key_id.to_string(),
        anchors: vec![fingerprint.to_string()],
        not_before: window.not_before,
        not_after: window.not_after,
        until: until.min(window.not_after),
        // It is lost with the Secret that held it.
        certified: None,
    })
}

/// The last moment at which a leaf of the lost root can be valid: nobody can say what it signed besides what is seen.
fn bound(terms: &Terms, end: Timestamp, now: Timestamp) -> Timestamp {
    let skew = SignedDuration::from_mins(5).min(terms.propagation);
    let unseen = now.checked_add(terms.max_leaf_ttl).unwrap_or(Timestamp::MAX);
    let bound = end.max(unseen).checked_add(skew + SignedDuration::from_secs(1)).unwrap_or(Timestamp::MAX);
    Timestamp::from_second(bound.as_second()).unwrap_or(bound)
}

/// Every signer that a status speaks of: none of them is evidence of a loss any more.
async fn recorded(context: &Context, suspects: &Suspects) -> Result<Vec<KeyId>, Error> {
    let mut key_ids = Vec::new();
    for (namespace, name) in suspects.identities() {
        let identity = context.requests.read::<MtlsIdentity>(Some(namespace), name).await?;
        let key_id = identity.and_then(|identity| identity.status?.authority_key_id);
        key_ids.extend(key_id.and_then(|text| text.parse().ok()));
    }
    Ok(key_ids)
}
