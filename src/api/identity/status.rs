//! What an identity is seen to be.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::probe::ServedStatus;

/// What the operator last saw and did.
// Owned as a whole, by the operator alone: for each single field the API server would keep an owner, in all that it stores and sends.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct MtlsIdentityStatus {
    /// The generation of the spec that this status describes; -1 until the operator has seen the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready always; Stalled while manual action is needed; Serving with spec.probes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".to_string()]))]
    pub conditions: Vec<Condition>,
    /// The SPIFFE ID in the certificate.
    #[serde(default, rename = "spiffeID", skip_serializing_if = "Option::is_none")]
    pub spiffe_id: Option<String>,
    /// The DNS names in the certificate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub dns_names: Vec<String>,
    /// Serial number of the certificate, in lower-case hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// Start of the certificate's validity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Time>,
    /// End of the certificate's validity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Time>,
    /// When the certificate is renewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renewal_time: Option<Time>,
    /// Key identifier of the signer, in lower-case hex.
    #[serde(default, rename = "authorityKeyID", skip_serializing_if = "Option::is_none")]
    pub authority_key_id: Option<String>,
    /// Shows that the operator wrote uid, authorityKeyID and notAfter together: without it, what this status says of a root
    /// that is lost counts only while the root Secret is missing. Opaque.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<String>,
    /// The Secret that holds the certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretReference>,
    /// Number of issuances so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<i64>,
    /// The value of the annotation mtls-operator.dev/renew that was answered last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_renew: Option<String>,
    /// Name of the MtlsAuthority that this identity belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority_name: Option<String>,
    /// What the endpoints of spec.probes were seen to serve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub served: Option<ServedStatus>,
}

/// A Secret in the version that was verified last.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(default, rename_all = "camelCase")]
pub struct SecretReference {
    /// Name of the Secret.
    pub name: String,
    /// Version of the Secret that was written or verified last.
    pub resource_version: String,
}
