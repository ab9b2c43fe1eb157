//! Carries plans out: the only place where keys and serials of leaves are drawn.
//!
//! A write creates if absent, or names the version that the plan names.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::audit::IssuanceRecord;
use super::inputs::Signing;
use super::key_generator::KeyGenerator;
use super::key_orders::KeyOrder;
use super::observed::ObservedSecret;
use super::secret_metadata::{LeafAnnotations, SecretMetadata, trust_patch};
use crate::api::names::{LEAF_SECRET_TYPE, key};
use crate::operator::client::WRITE_TIMEOUT;
use crate::operator::client::wiped_secret::WipedSecret;
use crate::operator::context::Context;
use crate::operator::error::Error;
use crate::operator::freshness::ensure_fresh;
use crate::operator::index::IdentityId;
use crate::operator::issuers::{Issuer, SigningCa};
use crate::pki::{IssuedLeaf, KeyAlgorithm, PrivateKey, Serial, Validity, whole_second};
use crate::plan::authority::spec::AuthoritySpec;
use crate::plan::identity::profile::ProfileHash;
use crate::plan::identity::spec::IdentitySpec;
use crate::plan::identity::world::{OwnedSecret, SecretState, StoredLeaf};

/// An issuance: for which identity, what, and who signs it.
pub struct Issuance<'a> {
    /// Id of the identity, for keys that take long to generate.
    pub id: IdentityId,
    /// Its spec.
    pub spec: &'a IdentitySpec,
    /// Who signs, and what.
    pub signing: &'a Signing<'a>,
    /// Where keys come from that take long to generate.
    pub keys: &'a KeyGenerator,
    /// What the log says of it.
    pub record: IssuanceRecord<'a>,
}

/// Issues a leaf and stores it: creates the Secret, or patches the version that was observed.
///
/// # Errors
/// [`Error`]; nothing was stored then, unless the answer was lost.
pub async fn issue(
    context: &Context,
    issuance: &Issuance<'_>,
    found: &ObservedSecret,
    over: Option<&str>,
) -> Result<ObservedSecret, Error> {
    let Issuance { spec, signing, .. } = issuance;
    let Signing { issuer, root, entitlement, .. } = signing;
    let key = private_key(context, issuance, entitlement.profile.key_algorithm)?;
    ensure_fresh(context, root, &issuer.spec).await?;
    let now = signing_time(context, &issuer.spec)?;
    let window = Validity::leaf(now, entitlement.ttl, root.authority.window());
    let issued = root.authority.issue(&entitlement.profile, key, window, Serial::random()?)?;
    let annotations = leaf_annotations(issuance, &issued, now, found.revision + 1);
    let metadata = SecretMetadata::of(spec, &annotations);
    let within = issuer.spec.timing().write_timeout;
    let written = match over {
        None => {
            let secret = WipedSecret::from(new_secret(spec, &metadata, &issued, root));
            context.client.create_secret(&secret, within).await
        }
        Some(version) => {
            let is_altered = context.scheduler.lock().altered(issuance.id).is_some();
            let patch = patch(found, &metadata, is_altered, version, data(&issued, root));
            context.client.patch_secret(&spec.namespace, &spec.secret.name, patch, within).await
        }
    };
    issuance.record.ended(&root.authority, &issued.leaf, &written);
    Ok(stored(written?, issued, annotations))
}

/// This moment, if the clock can be relied on. If not, the condition of the authority says so before an identity is reconciled again.
fn signing_time(context: &Context, spec: &AuthoritySpec) -> Result<Timestamp, Error> {
    let requeue = |_: &Error| context.authorities.change(|authorities| authorities.requeue_at(&spec.name, 0));
    context.signing_time().inspect_err(requeue)
}

/// An RSA key takes so long that other identities would wait: it is requested, and the identity resumed when it is generated.
fn private_key(
    context: &Context,
    issuance: &Issuance<'_>,
    algorithm: KeyAlgorithm,
) -> Result<PrivateKey, Error> {
    let Issuance { id, keys, .. } = issuance;
    if !algorithm.is_rsa() {
        return Ok(PrivateKey::generate(algorithm)?);
    }
    let made = context.scheduler.lock().take_key(*id, algorithm)?;
    if let Some(key) = made {
        return Ok(key);
    }
    let place = {
        let mut scheduler = context.scheduler.lock();
        // Suspended first: the key may be there before this reconcile has ended.
        scheduler.suspend(*id);
        scheduler.place_of(*id, issuance.record.priority, context.millis())
    };
    // An identity that is gone needs none.
    if let Some(place) = place {
        keys.request(KeyOrder { id: *id, algorithm, place });
    }
    Err(Error::KeyPending)
}

fn leaf_annotations(
    issuance: &Issuance<'_>,
    issued: &IssuedLeaf,
    now: Timestamp,
    revision: i64,
) -> LeafAnnotations {
    let Issuance { spec, signing, .. } = issuance;
    LeafAnnotations {
        serial: issued.leaf.serial.to_string(),
        not_after: issued.leaf.window.not_after,
        authority_key_id: issued.leaf.authority_key_id.to_string(),
        profile: Some(signing.profile.to_string()),
        trust: Some(signing.root.facts.trust.clone()),
        issued_at: whole_second(now),
        revision,
        renew_request: spec.renew_request.clone(),
    }
}

fn new_secret(
    spec: &IdentitySpec,
    metadata: &SecretMetadata,
    issued: &IssuedLeaf,
    root: &SigningCa,
) -> Secret {
    let entry = |key: &str, value: &[u8]| (key.to_owned(), ByteString(value.to_vec()));
    Secret {
        metadata: metadata.metadata(spec),
        type_: Some(LEAF_SECRET_TYPE.into()),
        data: Some(
            [
                entry(key::CERTIFICATE, issued.chain_pem.as_bytes()),
                entry(key::PRIVATE_KEY, issued.key_pem.as_bytes()),
                entry(key::TRUST_BUNDLE, root.authority.bundle().to_pem().as_bytes()),
            ]
            .into(),
        ),
        ..Secret::default()
    }
}

fn data(issued: &IssuedLeaf, root: &SigningCa) -> Map<String, Value> {
    [
        (key::CERTIFICATE.to_owned(), encoded(issued.chain_pem.as_bytes())),
        (key::PRIVATE_KEY.to_owned(), encoded(issued.key_pem.as_bytes())),
        (key::TRUST_BUNDLE.to_owned(), encoded(root.authority.bundle().to_pem().as_bytes())),
    ]
    .into_iter()
    .collect()
}

/// Bytes as JSON has them.
fn encoded(bytes: &[u8]) -> Value {
    Value::String(STANDARD.encode(bytes))
}

/// A patch that names the version it is made for. Where the metadata was not read, it is as it should be but for the annotations
/// that describe the leaf, and what an admission policy has changed: that may be over.
fn patch(
    found: &ObservedSecret,
    wanted: &SecretMetadata,
    is_altered: bool,
    version: &str,
    data: Map<String, Value>,
) -> Value {
    let mut metadata = match &found.metadata {
        Some(metadata) => wanted.patch(metadata),
        None if is_altered => wanted.whole_patch(),
        None => wanted.leaf_patch(),
    };
    metadata.insert("resourceVersion".into(), json!(version));
    let mut patch = json!({ "metadata": metadata });
    // Moved, since a copy of the key would not be wiped.
    patch["data"] = Value::Object(data);
    patch
}

/// Brings trust bundle, labels, annotations and owner up to date, without a new key.
///
/// # Errors
/// [`Error`]; nothing was stored then, unless the answer was lost.
pub async fn refresh(
    context: &Context,
    spec: &IdentitySpec,
    issuer: Option<&Issuer>,
    found: &ObservedSecret,
    before: &OwnedSecret,
    over: &str,
) -> Result<ObservedSecret, Error> {
    let root = issuer.and_then(|issuer| issuer.signer.as_ref().ok());
    let mut data = Map::new();
    if let Some((issuer, root)) =
        issuer.zip(root).filter(|(_, root)| before.trust.as_ref() != Some(&root.facts.trust))
    {
        // An old view would take a root out of a bundle that others already need.
        ensure_fresh(context, root, &issuer.spec).await?;
        data.insert(key::TRUST_BUNDLE.into(), encoded(root.authority.bundle().to_pem().as_bytes()));
    }
    let mut metadata = refreshed_metadata(spec, found, root.map(|root| root.facts.trust.as_str()));
    metadata.insert("resourceVersion".into(), json!(over));
    let patch = json!({ "metadata": metadata, "data": data });
    let within = issuer.map_or(WRITE_TIMEOUT, |issuer| issuer.spec.timing().write_timeout);
    let written = context.client.patch_secret(&spec.namespace, &spec.secret.name, patch, within).await?;
    let owned = OwnedSecret {
        version: written.resource_version.clone().unwrap_or_default(),
        metadata_is_current: true,
        trust: root.map(|root| root.facts.trust.clone()).or_else(|| before.trust.clone()),
        ..before.clone()
    };
    Ok(ObservedSecret { state: SecretState::Held(owned), metadata: Some(written), ..found.clone() })
}

fn refreshed_metadata(
    spec: &IdentitySpec,
    found: &ObservedSecret,
    trust: Option<&str>,
) -> Map<String, Value> {
    match (&found.annotations, &found.metadata) {
        (Some(annotations), Some(metadata)) => {
            let trust = trust.map(str::to_owned).or_else(|| annotations.trust.clone());
            SecretMetadata::of(spec, &LeafAnnotations { trust, ..annotations.clone() }).patch(metadata)
        }
        _ => match trust {
            Some(trust) => trust_patch(trust),
            None => Map::new(),
        },
    }
}

/// What is there now, by the API server's answer.
fn stored(written: ObjectMeta, issued: IssuedLeaf, annotations: LeafAnnotations) -> ObservedSecret {
    let IssuedLeaf { leaf, key_pem, .. } = issued;
    drop::<Zeroizing<String>>(key_pem);
    let owned = OwnedSecret {
        version: written.resource_version.clone().unwrap_or_default(),
        carries_uid: true,
        leaf: Ok(StoredLeaf {
            serial: annotations.serial.clone(),
            window: leaf.window,
            key_id: annotations.authority_key_id.clone(),
            issued_at: annotations.issued_at,
        }),
        profile: annotations.profile.as_deref().and_then(ProfileHash::parse),
        matches_profile: true,
        trust: annotations.trust.clone(),
        metadata_is_current: true,
        renew_request: annotations.renew_request.clone(),
    };
    ObservedSecret {
        state: SecretState::Held(owned),
        leaf: Some(leaf),
        revision: annotations.revision,
        annotations: Some(annotations),
        metadata: Some(written),
    }
}
