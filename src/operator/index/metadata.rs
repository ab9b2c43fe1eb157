//! The parts of objects' metadata that are used, as lists and watches deliver them.
//!
//! Everything else is skipped while it is parsed: managed fields take most of an object's metadata, and what users of a
//! namespace write into labels and annotations can take more.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::core::PartialObjectMeta;
use serde::Deserialize;

use crate::api::names::{annotation, label};

/// Metadata that tell the version of their object.
pub trait ObjectVersion {
    /// The resource version.
    fn resource_version(&self) -> &str;
}

/// Of a leaf Secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LeafMetadata {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Uid.
    pub uid: String,
    /// Version.
    pub resource_version: String,
    /// Labels.
    pub labels: LeafLabels,
    /// Annotations.
    pub annotations: LeafNotes,
}

/// The labels of a leaf Secret that are used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct LeafLabels {
    /// The authority.
    #[serde(rename = "mtls-operator.dev/authority")]
    pub authority: Option<String>,
    /// The identity.
    #[serde(rename = "mtls-operator.dev/identity")]
    pub identity: Option<String>,
}

/// The annotations of a leaf Secret that are used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct LeafNotes {
    /// Uid of the identity.
    #[serde(rename = "mtls-operator.dev/identity-uid")]
    pub identity_uid: Option<String>,
    /// Hash of what the leaf was asked to be.
    #[serde(rename = "mtls-operator.dev/profile")]
    pub profile: Option<String>,
    /// Hash of the trust bundle.
    #[serde(rename = "mtls-operator.dev/trust")]
    pub trust: Option<String>,
    /// Key identifier of the signer.
    #[serde(rename = "mtls-operator.dev/authority-key-id")]
    pub authority_key_id: Option<String>,
    /// End of the leaf.
    #[serde(rename = "mtls-operator.dev/not-after")]
    pub not_after: Option<String>,
    /// Moment of issuance.
    #[serde(rename = "mtls-operator.dev/issued-at")]
    pub issued_at: Option<String>,
    /// Renewal request that the leaf answers.
    #[serde(rename = "mtls-operator.dev/renew-request")]
    pub renew_request: Option<String>,
}

impl ObjectVersion for LeafMetadata {
    fn resource_version(&self) -> &str {
        &self.resource_version
    }
}

impl From<&ObjectMeta> for LeafMetadata {
    fn from(meta: &ObjectMeta) -> Self {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let of =
            |pairs: &Option<BTreeMap<String, String>>, key| pairs.as_ref().and_then(|p| p.get(key)).cloned();
        let note = |key| of(&meta.annotations, key);
        Self {
            namespace: text(&meta.namespace),
            name: text(&meta.name),
            uid: text(&meta.uid),
            resource_version: text(&meta.resource_version),
            labels: LeafLabels {
                authority: of(&meta.labels, label::AUTHORITY),
                identity: of(&meta.labels, label::IDENTITY),
            },
            annotations: LeafNotes {
                identity_uid: note(annotation::IDENTITY_UID),
                profile: note(annotation::PROFILE),
                trust: note(annotation::TRUST),
                authority_key_id: note(annotation::AUTHORITY_KEY_ID),
                not_after: note(annotation::NOT_AFTER),
                issued_at: note(annotation::ISSUED_AT),
                renew_request: note(annotation::RENEW_REQUEST),
            },
        }
    }
}

impl From<&PartialObjectMeta<Secret>> for LeafMetadata {
    fn from(secret: &PartialObjectMeta<Secret>) -> Self {
        Self::from(&secret.metadata)
    }
}

/// Of a Secret of the operator's namespace: its name says which authorities to look at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NameOnly {
    /// Name.
    pub name: String,
    /// Version.
    pub resource_version: String,
}

impl ObjectVersion for NameOnly {
    fn resource_version(&self) -> &str {
        &self.resource_version
    }
}

/// Of a Namespace.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NamespaceMetadata {
    /// Name.
    pub name: String,
    /// Version.
    pub resource_version: String,
    /// Labels: any of them may be selected by.
    pub labels: BTreeMap<String, String>,
    /// When it was created.
    pub creation_timestamp: Option<Time>,
    /// Since when it is being deleted.
    pub deletion_timestamp: Option<Time>,
}

impl ObjectVersion for NamespaceMetadata {
    fn resource_version(&self) -> &str {
        &self.resource_version
    }
}

/// Of an object that may hold a published trust bundle.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BundleMetadata {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Uid.
    pub uid: String,
    /// Version.
    pub resource_version: String,
    /// Labels.
    pub labels: BundleLabels,
    /// Annotations.
    pub annotations: BundleNotes,
}

/// The labels of a published trust bundle that are used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct BundleLabels {
    /// Who manages it.
    #[serde(rename = "app.kubernetes.io/managed-by")]
    pub manager: Option<String>,
    /// The authority.
    #[serde(rename = "mtls-operator.dev/authority")]
    pub authority: Option<String>,
}

/// The annotation of a published trust bundle that is used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct BundleNotes {
    /// Hash of the set of roots: an object that has it is this operator's.
    #[serde(rename = "mtls-operator.dev/trust")]
    pub trust: Option<String>,
}

impl ObjectVersion for BundleMetadata {
    fn resource_version(&self) -> &str {
        &self.resource_version
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_parsed_of_a_leaf_secret_is_what_is_taken_of_its_metadata() {
        let metadata = json!({
            "name": "web-mtls", "namespace": "orders", "uid": "u", "resourceVersion": "7",
            "labels": { label::AUTHORITY: "mesh", label::IDENTITY: "web", label::MANAGED_BY: label::MANAGER },
            "annotations": {
                annotation::IDENTITY_UID: "i", annotation::PROFILE: "p", annotation::TRUST: "t",
                annotation::AUTHORITY_KEY_ID: "k", annotation::NOT_AFTER: "n", annotation::ISSUED_AT: "a",
                annotation::SERIAL: "s", annotation::RENEW_REQUEST: "r",
            },
            "managedFields": [{ "manager": "mtls-operator", "fieldsV1": { "f:data": {} } }],
        });
        let parsed: LeafMetadata = serde_json::from_value(metadata.clone()).unwrap();
        let whole: ObjectMeta = serde_json::from_value(metadata).unwrap();
        assert_eq!(parsed, LeafMetadata::from(&whole));
        assert_eq!(parsed.annotations.issued_at.as_deref(), Some("a"));
        assert_eq!(parsed.labels.identity.as_deref(), Some("web"));
    }

    #[test]
    fn what_is_parsed_of_a_bundle_has_the_names_that_are_written() {
        let parsed: BundleMetadata = serde_json::from_value(json!({
            "name": "b", "labels": { label::AUTHORITY: "mesh", label::MANAGED_BY: label::MANAGER },
            "annotations": { annotation::TRUST: "t" },
        }))
        .unwrap();
        let BundleMetadata { labels, annotations, .. } = parsed;
        assert_eq!(labels.manager.as_deref(), Some(label::MANAGER));
        assert_eq!((labels.authority.as_deref(), annotations.trust.as_deref()), (Some("mesh"), Some("t")));
    }
}
