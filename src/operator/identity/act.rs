//! Plans into writes: the only place where keys and serials are drawn. A write creates if absent, or names the
//! version that was observed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::core::PartialObjectMeta;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::audit::IssuanceRecord;
use super::observe::ObservedSecret;
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
use crate::plan::identity::policy::Entitlement;
use crate::plan::identity::profile::{AuthoritySpecHash, IdentitySpecHash, ProfileHash};
use crate::plan::identity::spec::IdentitySpec;
use crate::plan::identity::world::{OwnedSecret, SecretState, StoredLeaf};

/// Who asks for a write.
pub struct Applicant<'a> {
    /// Place of the identity, for keys that take long to make.
    pub id: IdentityId,
    /// What it asks.
    pub asked: &'a IdentitySpec,
    /// Its authority.
    pub service: &'a Issuer,
    /// The root that signs.
    pub root: &'a SigningCa,
}

/// Issues a leaf and stores it: creates the Secret, or patches the version that was observed.
///
/// # Errors
/// [`Error`]; nothing was stored then, unless the answer was lost.
pub async fn issue(
    context: &Context,
    applicant: &Applicant<'_>,
    entitlement: &Entitlement,
    found: &ObservedSecret,
    over: Option<&str>,
    issuance: &IssuanceRecord<'_>,
) -> Result<ObservedSecret, Error> {
    let Applicant { asked, service, root, .. } = applicant;
    let key = private_key(context, applicant.id, entitlement.profile.key_algorithm)?;
    ensure_fresh(context, root, &service.terms).await?;
    let now = signing_time(context, &service.terms)?;
    let window = Validity::leaf(now, entitlement.ttl, root.authority.window());
    let issued = root.authority.issue(&entitlement.profile, key, window, Serial::random()?)?;
    let notes = notes(applicant, &issued, now, found.revision + 1);
    let dress = SecretMetadata::of(asked, &notes);
    let within = service.terms.timing().write_timeout;
    let written = match over {
        None => {
            let secret = WipedSecret::from(new_secret(asked, &dress, &issued, root));
            context.requests.create_secret(&secret, within).await
        }
        Some(version) => {
            let is_altered = context.board.lock().altered(applicant.id).is_some();
            let patch = patch(found, &dress, is_altered, version, data(&issued, root));
            context.requests.patch_secret(&asked.namespace, &asked.secret.name, patch, within).await
        }
    };
    issuance.ended(&root.authority, &issued.leaf, &written);
    Ok(stored(written?, issued, notes))
}

/// This moment, if the clock can be relied on. If not, the authority says so before it is asked again.
fn signing_time(context: &Context, terms: &AuthoritySpec) -> Result<Timestamp, Error> {
    context
        .signing_time()
        .inspect_err(|_| context.roster.change(|authorities| authorities.requeue_at(&terms.name, 0)))
}

/// An RSA key takes long enough to keep others waiting: it is ordered, and the identity called when it is there.
fn private_key(context: &Context, id: IdentityId, algorithm: KeyAlgorithm) -> Result<PrivateKey, Error> {
    if !algorithm.is_rsa() {
        return Ok(PrivateKey::generate(algorithm)?);
    }
    if let Some(key) = context.forge.take(id, algorithm)? {
        return Ok(key);
    }
    // Parked first: the key may be there before this look has ended.
    context.board.lock().park(id);
    context.forge.order(id, algorithm);
    Err(Error::KeyPending)
}

fn notes(applicant: &Applicant<'_>, issued: &IssuedLeaf, now: Timestamp, revision: i64) -> LeafAnnotations {
    let Applicant { asked, service, root, .. } = applicant;
    LeafAnnotations {
        serial: issued.leaf.serial.to_string(),
        not_after: issued.leaf.window.not_after,
        authority_key_id: issued.leaf.authority_key_id.to_string(),
        profile: Some(profile_hash(asked, service).to_string()),
        trust: Some(root.facts.trust.clone()),
        issued_at: whole_second(now),
        revision,
        renew_request: asked.renew_request.clone(),
    }
}

fn profile_hash(asked: &IdentitySpec, service: &Issuer) -> ProfileHash {
    ProfileHash::of(IdentitySpecHash::of(asked), AuthoritySpecHash::of(&service.terms))
}

fn new_secret(asked: &IdentitySpec, dress: &SecretMetadata, issued: &IssuedLeaf, root: &SigningCa) -> Secret {
    let entry = |key: &str, value: &[u8]| (key.to_owned(), ByteString(value.to_vec()));
    Secret {
        metadata: dress.metadata(asked),
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

/// Bytes as the API server wants them.
fn encoded(bytes: &[u8]) -> Value {
    Value::String(STANDARD.encode(bytes))
}

/// Patches that name the version they are made for. Where the metadata was not read, it is as it should be but for
/// the notes on the leaf, and what an admission policy has changed: it may do so no more.
fn patch(
    found: &ObservedSecret,
    dress: &SecretMetadata,
    is_altered: bool,
    version: &str,
    data: Map<String, Value>,
) -> Value {
    let mut metadata = match &found.metadata {
        Some(metadata) => dress.patch(metadata),
        None if is_altered => dress.whole_patch(),
        None => dress.notes_patch(),
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
    asked: &IdentitySpec,
    service: Option<&Issuer>,
    found: &ObservedSecret,
    held: &OwnedSecret,
) -> Result<ObservedSecret, Error> {
    let root = service.and_then(|service| service.signer.as_ref().ok());
    let mut data = Map::new();
    if let Some((service, root)) =
        service.zip(root).filter(|(_, root)| held.trust.as_ref() != Some(&root.facts.trust))
    {
        // An old view would take a root out of a bundle that others already need.
        ensure_fresh(context, root, &service.terms).await?;
        data.insert(key::TRUST_BUNDLE.into(), encoded(root.authority.bundle().to_pem().as_bytes()));
    }
    let mut metadata = refreshed_metadata(asked, found, root.map(|root| root.facts.trust.as_str()));
    metadata.insert("resourceVersion".into(), json!(held.version));
    let patch = json!({ "metadata": metadata, "data": data });
    let within = service.map_or(WRITE_TIMEOUT, |service| service.terms.timing().write_timeout);
    let written = context.requests.patch_secret(&asked.namespace, &asked.secret.name, patch, within).await?;
    let held = OwnedSecret {
        version: written.metadata.resource_version.clone().unwrap_or_default(),
        dressed: true,
        trust: root.map(|root| root.facts.trust.clone()).or_else(|| held.trust.clone()),
        ..held.clone()
    };
    Ok(ObservedSecret {
        observed: SecretState::Held(held),
        metadata: Some(written.metadata),
        ..found.clone()
    })
}

fn refreshed_metadata(
    asked: &IdentitySpec,
    found: &ObservedSecret,
    trust: Option<&str>,
) -> Map<String, Value> {
    match (&found.notes, &found.metadata) {
        (Some(notes), Some(metadata)) => {
            let trust = trust.map(str::to_owned).or_else(|| notes.trust.clone());
            SecretMetadata::of(asked, &LeafAnnotations { trust, ..notes.clone() }).patch(metadata)
        }
        _ => match trust {
            Some(trust) => trust_patch(trust),
            None => Map::new(),
        },
    }
}

/// What is there now, by the API server's answer.
fn stored(written: PartialObjectMeta<Secret>, issued: IssuedLeaf, notes: LeafAnnotations) -> ObservedSecret {
    let IssuedLeaf { leaf, key_pem, .. } = issued;
    drop::<Zeroizing<String>>(key_pem);
    let held = OwnedSecret {
        version: written.metadata.resource_version.clone().unwrap_or_default(),
        mine: true,
        leaf: Ok(StoredLeaf {
            serial: notes.serial.clone(),
            window: leaf.window,
            key_id: notes.authority_key_id.clone(),
            issued_at: notes.issued_at,
        }),
        profile: notes.profile.as_deref().and_then(ProfileHash::parse),
        fits: true,
        trust: notes.trust.clone(),
        dressed: true,
        renew_request: notes.renew_request.clone(),
    };
    let revision = notes.revision;
    ObservedSecret {
        observed: SecretState::Held(held),
        leaf: Some(leaf),
        notes: Some(notes),
        metadata: Some(written.metadata),
        revision,
    }
}
