//! What people allow, and what they forbid: grants of names, and roots that must not be trusted.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::selector::NamespaceSelector;
use crate::api::cel;
use crate::api::patterns;

/// One grant.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Grant {
    /// Name of the grant, a DNS label. Conditions, log lines and metrics name the grant that allows a name.
    #[schemars(length(min = 1, max = 63), regex(pattern = patterns::DNS_LABEL))]
    #[x_kube(validation = cel::dns_label("the name of a grant"))]
    pub name: String,

    /// Namespaces that may request these names and addresses.
    pub namespaces: NamespaceSelector,

    /// DNS names that may be requested: exact, or with one leading "*." that allows every name with one label in its place,
    /// and the wildcard itself.
    #[serde(default)]
    #[schemars(length(max = 64), inner(length(min = 1, max = 253), regex(pattern = patterns::DNS_PATTERN)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub dns_names: Vec<String>,

    /// Address ranges in canonical CIDR notation, such as 10.0.0.0/24 or fd00::/64, whose addresses may be requested.
    #[serde(default)]
    #[schemars(
        length(max = 32),
        inner(length(min = 4, max = 43)),
        transform = cel::each(vec![cel::is_range(), cel::is_canonical_range()])
    )]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub cidrs: Vec<String>,
}

/// A root that is compromised.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct DistrustedRoot {
    /// SHA-256 fingerprint of the root's certificate: 64 hexadecimal digits, or as openssl x509 -fingerprint -sha256 prints
    /// it.
    #[schemars(length(min = 64, max = 95), regex(pattern = patterns::FINGERPRINT))]
    #[x_kube(validation = cel::fingerprint())]
    pub fingerprint: String,
}
