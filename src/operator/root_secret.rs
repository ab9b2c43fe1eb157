//! The root Secret: one object that holds the whole state of an authority, so that each change of it is one
//! compare-and-swap.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::observe::content;
use crate::api::authority::Phase;
use crate::api::duration;
use crate::api::names::{ROOT_SECRET_TYPE, annotation, key};
use crate::pki::{Authority, AuthorityPem, LoadError};
use crate::plan::root::{RootSecret, StoredRoot};
use crate::plan::terms::Terms;

/// Where a signer came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The operator made it.
    Generated,
    /// People provided it.
    Provided,
}

impl Origin {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Generated => "generated",
            Self::Provided => "provided",
        }
    }
}

/// A signer that was replaced, and the last moment at which a leaf of it can be valid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FormerKey {
    /// Key identifier, hex.
    #[serde(rename = "keyID")]
    pub key_id: String,
    /// The moment.
    pub until: Timestamp,
}

/// A root Secret that was read.
pub struct LoadedRoot {
    /// What it is, for the decision.
    pub secret: RootSecret,
    /// The CA, where it is sound. Whether it may sign, the decision says.
    pub authority: Option<Authority>,
    /// Key identifiers of replaced signers whose leaves may still be valid.
    pub former: Vec<FormerKey>,
    /// When the phase began.
    pub since: Option<Timestamp>,
}

/// Reads a root Secret.
#[must_use]
pub fn load(secret: Option<&Secret>, terms: &Terms, place: &str, now: Timestamp) -> LoadedRoot {
    let Some(secret) = secret else {
        return LoadedRoot { secret: RootSecret::Absent, authority: None, former: Vec::new(), since: None };
    };
    let note = |key: &str| secret.metadata.annotations.as_ref().and_then(|notes| notes.get(key));
    let former = note(annotation::FORMER_KEY_IDS).and_then(|text| serde_json::from_str(text).ok());
    let since = note(annotation::SINCE).and_then(|text| text.parse().ok());
    let (found, authority) = match strange(secret, terms, place) {
        Some(strange) => (strange, None),
        None => signer(secret, terms, place, now),
    };
    LoadedRoot { secret: found, authority, former: former.unwrap_or_default(), since }
}

/// What keeps a Secret from being this authority's, whatever it holds.
fn strange(secret: &Secret, terms: &Terms, place: &str) -> Option<RootSecret> {
    let note = |key: &str| secret.metadata.annotations.as_ref().and_then(|notes| notes.get(key));
    if secret.type_.as_deref() != Some(ROOT_SECRET_TYPE) {
        let type_ = secret.type_.as_deref().unwrap_or("Opaque");
        return Some(RootSecret::NotOurs(format!(
            "Secret {place} has the type {type_}, not {ROOT_SECRET_TYPE}; name another one in spec.root.secretName of a new MtlsAuthority"
        )));
    }
    let authority = note(annotation::AUTHORITY).map_or("", String::as_str);
    if authority != terms.name {
        return Some(RootSecret::NotOurs(format!(
            "Secret {place} holds the root of MtlsAuthority {authority:?}; name another one in spec.root.secretName of a new MtlsAuthority"
        )));
    }
    let trust_domain = note(annotation::TRUST_DOMAIN).map_or("", String::as_str);
    (trust_domain != terms.trust_domain.to_string()).then(|| {
        RootSecret::OtherTrustDomain(format!(
            "Secret {place} holds a root of trust domain {trust_domain:?}, but spec.trustDomain is {}; create the MtlsAuthority with that trust domain, or under another name",
            terms.trust_domain
        ))
    })
}

fn signer(secret: &Secret, terms: &Terms, place: &str, now: Timestamp) -> (RootSecret, Option<Authority>) {
    match Authority::load(&pem(secret), now) {
        Err(LoadError::Expired { not_after }) if not_after < now => {
            match signer(secret, terms, place, not_after) {
                // What it was while it could sign is known; that it signs no more is the decision's business.
                (RootSecret::Sound(root), authority) => (RootSecret::Expired(root), authority),
                unsound => unsound,
            }
        }
        Err(LoadError::NotYetValid { not_before }) if now < not_before => {
            let why = format!(
                "the root in Secret {place} is valid from {not_before} on, and here it is {now}; correct the clock of this node. Signing begins at that time"
            );
            (RootSecret::Invalid(why), None)
        }
        Err(error) => {
            (RootSecret::Invalid(format!("Secret {place}: {error}; restore it from a backup")), None)
        }
        Ok(authority) => (RootSecret::Sound(stored(secret, terms, &authority)), Some(authority)),
    }
}

fn stored(secret: &Secret, terms: &Terms, authority: &Authority) -> StoredRoot {
    let note = |key: &str| secret.metadata.annotations.as_ref().and_then(|notes| notes.get(key));
    let recorded = note(annotation::MAX_LEAF_TTL).and_then(|text| duration::parse(text));
    StoredRoot {
        version: secret.metadata.resource_version.clone().unwrap_or_default(),
        fingerprint: authority.fingerprint().to_string(),
        anchors: authority.bundle().hash(),
        window: authority.window(),
        is_provided: note(annotation::ORIGIN).map(String::as_str) == Some(Origin::Provided.as_str()),
        max_leaf_ttl: recorded.map_or_else(|| terms.max_leaf_ttl.as_secs() - 1, |ttl| ttl.as_secs()),
    }
}

/// The CA in a Secret, as PEM.
#[must_use]
pub fn pem(secret: &Secret) -> AuthorityPem {
    AuthorityPem {
        chain: content(secret, key::CERTIFICATE).to_vec(),
        key: Zeroizing::new(content(secret, key::PRIVATE_KEY).to_vec()),
        anchors: content(secret, key::TRUST_BUNDLE).to_vec(),
    }
}

/// A root Secret to be created. It has no owner: garbage collection would take the root with its authority.
#[must_use]
pub fn new(
    terms: &Terms,
    namespace: &str,
    name: &str,
    pem: &AuthorityPem,
    origin: Origin,
    now: Timestamp,
) -> Secret {
    let mut annotations = notes(terms, origin, now);
    annotations.insert(annotation::AUTHORITY.into(), terms.name.clone());
    annotations.insert(annotation::TRUST_DOMAIN.into(), terms.trust_domain.to_string());
    annotations.insert(annotation::PHASE.into(), format!("{:?}", Phase::Stable));
    Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(namespace.to_owned()),
            annotations: Some(annotations),
            ..ObjectMeta::default()
        },
        type_: Some(ROOT_SECRET_TYPE.into()),
        data: Some(data(pem)),
        ..Secret::default()
    }
}

/// The patch that puts another signer of the same anchors in place. Leaves of the former one stay known until the
/// last of them has expired.
#[must_use]
pub fn replacement(
    terms: &Terms,
    loaded: &LoadedRoot,
    pem: &AuthorityPem,
    version: &str,
    now: Timestamp,
) -> Value {
    let mut annotations = notes(terms, Origin::Provided, now);
    let former = serde_json::to_string(&former(loaded, now)).unwrap_or_default();
    annotations.insert(annotation::FORMER_KEY_IDS.into(), former);
    json!({ "metadata": { "resourceVersion": version, "annotations": annotations }, "data": data(pem) })
}

fn former(loaded: &LoadedRoot, now: Timestamp) -> Vec<FormerKey> {
    let mut former: Vec<FormerKey> = loaded.former.iter().filter(|key| key.until >= now).cloned().collect();
    if let (RootSecret::Sound(root) | RootSecret::Expired(root), Some(authority)) =
        (&loaded.secret, &loaded.authority)
    {
        let last = now.checked_add(SignedDuration::from_secs(root.max_leaf_ttl)).unwrap_or(now);
        let until = last.min(root.window.not_after);
        former.push(FormerKey { key_id: authority.key_id().to_string(), until });
    }
    former
}

/// The patch that records a larger lifetime of leaves.
#[must_use]
pub fn raised_max_leaf_ttl(terms: &Terms, version: &str) -> Value {
    let annotations = BTreeMap::from([(annotation::MAX_LEAF_TTL, duration::format(terms.max_leaf_ttl))]);
    json!({ "metadata": { "resourceVersion": version, "annotations": annotations } })
}

fn notes(terms: &Terms, origin: Origin, now: Timestamp) -> BTreeMap<String, String> {
    let since = Timestamp::from_second(now.as_second()).unwrap_or(now);
    BTreeMap::from([
        (annotation::SINCE.into(), since.to_string()),
        (annotation::MAX_LEAF_TTL.into(), duration::format(terms.max_leaf_ttl)),
        (annotation::ORIGIN.into(), origin.as_str().into()),
    ])
}

fn data(pem: &AuthorityPem) -> BTreeMap<String, ByteString> {
    BTreeMap::from([
        (key::CERTIFICATE.into(), ByteString(pem.chain.clone())),
        (key::PRIVATE_KEY.into(), ByteString(pem.key.to_vec())),
        (key::TRUST_BUNDLE.into(), ByteString(pem.anchors.clone())),
    ])
}
