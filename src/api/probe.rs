//! Live probes of an identity's Pods: where to look, and what was seen.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cel;
use super::patterns;
use super::word::Word;

/// One port on which the Pods of an identity serve. Each ready Pod behind the Service is dialed with TLS.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ProbeSpec {
    /// Name of the probe, a DNS label. It stands in the condition Serving and in status.served.
    #[schemars(length(min = 1, max = 63), regex(pattern = patterns::DNS_LABEL))]
    #[x_kube(validation = cel::dns_label("the name of a probe"))]
    pub name: String,

    /// Name of a Service of this namespace. Its ready Pods are probed.
    #[schemars(length(min = 1, max = 63), regex(pattern = patterns::DNS_LABEL))]
    #[x_kube(validation = cel::dns_label("serviceName"))]
    pub service_name: String,

    /// Port on which the Pods listen, 1 to 65535: the targetPort of the Service, not its port.
    #[schemars(range(min = 1, max = 65535))]
    pub target_port: i32,

    /// Whether the Pods must refuse clients of others. Required: a probe without a certificate of this authority must be
    /// refused. NotChecked: that is not tested, for servers that also take other clients, or refuse them only after the
    /// handshake, as nginx does. Default: Required.
    #[serde(default)]
    pub client_certificates: Word<ClientCertificates>,
}

/// Whether Pods must refuse clients without a certificate of their authority.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientCertificates {
    /// They must.
    #[default]
    Required,
    /// It is not tested.
    NotChecked,
}

/// What endpoints were seen to serve, in numbers, and the first few that are not as they should be.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ServedStatus {
    /// Number of ready endpoints of all probes.
    #[serde(default)]
    pub endpoints: i64,
    /// Number of endpoints that are as they should be. After a renewal they have rotation.propagation to become so.
    #[serde(default)]
    pub as_issued: i64,
    /// The first five of the other endpoints.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub differing: Vec<ServedEndpoint>,
}

/// An endpoint that is not as it should be.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ServedEndpoint {
    /// Name of the probe.
    #[serde(default)]
    pub probe: String,
    /// Address and port.
    #[serde(default)]
    pub address: String,
    /// What is wrong, the worst first: reasons of the condition Serving.
    #[serde(default)]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub reasons: Vec<String>,
    /// Serial number of the certificate that it presented, in lower-case hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// Key identifier of the signer of that certificate, in lower-case hex.
    #[serde(default, rename = "authorityKeyID", skip_serializing_if = "Option::is_none")]
    pub authority_key_id: Option<String>,
    /// End of the validity of that certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Time>,
}
