//! Live probes of an identity's Pods: where to look, and what was seen.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::{form, rule};

/// Where the Pods of an identity serve. Each ready address of the Service is dialed with TLS.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct VerifySpec {
    /// A Service of this namespace.
    #[schemars(length(min = 1, max = 63), regex(pattern = form::DNS_LABEL))]
    #[x_kube(validation = rule::dns_label("spec.verify.service"))]
    pub service: String,

    /// The port that the Pods listen on: what the Service calls targetPort.
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,

    /// Says that the Pods are meant to let in clients without a certificate of this authority, or refuse them after the
    /// handshake only, as nginx does: strangers are not tried then.
    #[serde(default)]
    pub allow_strangers: bool,
}

/// What endpoints were seen to serve, in numbers, and the first few that are not as they should be.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ServedStatus {
    /// Ready endpoints of the Service.
    pub endpoints: i64,
    /// Those that are as they should be. After a renewal they have `rotation.propagation` to become so.
    pub as_issued: i64,
    /// The first five of the others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub differing: Vec<ServedEndpoint>,
}

/// An endpoint that is not as it should be.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ServedEndpoint {
    /// Address and port.
    pub address: String,
    /// What is wrong, the worst first: reasons of the condition `Serving`.
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub reasons: Vec<String>,
    /// Serial number of the certificate that it presented, lower-case hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// Key identifier of its signer, lower-case hex.
    #[serde(default, rename = "authorityKeyID", skip_serializing_if = "Option::is_none")]
    pub authority_key_id: Option<String>,
    /// End of its validity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Time>,
}
