//! The owner of a Secret, from the point of view of one identity.
//!
//! What this operator did not create is never written (I5).

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::secret_metadata::is_identity;
use crate::api::names::{LEAF_SECRET_TYPE, annotation, label};
use crate::operator::index::Index;
use crate::operator::index::digest::digest;
use crate::plan::identity::spec::IdentitySpec;

/// The owner of a Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// This identity's.
    Owned,
    /// Left by an identity of the same name that is gone.
    Adoptable,
    /// Another object's, or not to be written: a sentence.
    Foreign(String),
}

/// Finds the owner of a Secret. One that this operator made belongs to the uid it carries; if no identity has that uid any more,
/// to the identity that its label names.
#[must_use]
pub fn ownership(secret: &Secret, spec: &IdentitySpec, index: &Index) -> Ownership {
    let what = format!("Secret {}/{}", spec.namespace, spec.secret.name);
    if let Some(why) = unwritable(secret, &what) {
        return Ownership::Foreign(why);
    }
    let Some(uid) = owner_uid(&secret.metadata, spec) else {
        return Ownership::Foreign(not_made_by_us(spec));
    };
    if uid == spec.uid {
        return Ownership::Owned;
    }
    if let Some(owner) = owner_of(index, spec, uid) {
        return Ownership::Foreign(format!(
            "{what} belongs to MtlsIdentity {}/{owner}; choose another spec.secret.name in a new MtlsIdentity",
            spec.namespace
        ));
    }
    match named_owner(secret) {
        Some(name) if name == spec.name => Ownership::Adoptable,
        Some(name) => Ownership::Foreign(format!(
            "{what} was left by MtlsIdentity {}/{name}; delete it to let this one make its own",
            spec.namespace
        )),
        None => {
            Ownership::Foreign(format!("{what} does not say which MtlsIdentity it belongs to; delete it"))
        }
    }
}

/// The uid of the identity that a Secret was made for: by the annotation, else, where that was removed from the Secret of this
/// identity, by its controller. None: this operator did not make it.
#[must_use]
pub fn owner_uid<'a>(secret: &'a ObjectMeta, spec: &IdentitySpec) -> Option<&'a str> {
    let noted = secret.annotations.as_ref().and_then(|notes| notes.get(annotation::IDENTITY_UID));
    let mut owners = secret.owner_references.iter().flatten();
    let controller = owners.find(|owner| owner.controller == Some(true) && owner.uid == spec.uid);
    noted.or(controller.map(|owner| &owner.uid)).map(String::as_str)
}

/// The sentence about a Secret that this operator did not make.
#[must_use]
pub fn not_made_by_us(spec: &IdentitySpec) -> String {
    let (namespace, name) = (&spec.namespace, &spec.secret.name);
    let advice = "delete it, or choose another spec.secret.name in a new MtlsIdentity";
    format!("Secret {namespace}/{name} was not made by mtls-operator; {advice}")
}

/// Why a Secret cannot be written, whatever its owner.
fn unwritable(secret: &Secret, what: &str) -> Option<String> {
    let type_ = secret.type_.as_deref().unwrap_or("Opaque");
    if type_ != LEAF_SECRET_TYPE {
        return Some(format!(
            "{what} has the type {type_}, not {LEAF_SECRET_TYPE}; delete it, or choose another spec.secret.name in a new MtlsIdentity"
        ));
    }
    if secret.immutable == Some(true) {
        return Some(format!("{what} is immutable, so it can never be renewed; delete it"));
    }
    let owners = secret.metadata.owner_references.iter().flatten();
    let other = owners.filter(|owner| !is_identity(owner)).find(|owner| owner.controller == Some(true))?;
    Some(format!(
        "{what} is controlled by {} {}; delete it there, or choose another spec.secret.name in a new MtlsIdentity",
        other.kind, other.name
    ))
}

/// The identity of this uid among those that ask for the Secret. A Secret's name is immutable in its identity, so an
/// owner that exists is among them.
fn owner_of(index: &Index, spec: &IdentitySpec, uid: &str) -> Option<String> {
    let id = index.targeting_with(&spec.namespace, &spec.secret.name, digest(uid))?;
    index.entry(id).map(|entry| entry.name().to_owned())
}

/// The identity that the label, else the owner reference, names.
fn named_owner(secret: &Secret) -> Option<String> {
    let labels = secret.metadata.labels.as_ref();
    let label = labels.and_then(|labels| labels.get(label::IDENTITY)).cloned();
    let owners = secret.metadata.owner_references.iter().flatten();
    label.or_else(|| owners.filter(|owner| is_identity(owner)).map(|owner| owner.name.clone()).next())
}
