//! `MtlsIdentity`: what an application team asks for. `spec: {}` is complete.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::names::DEFAULT_AUTHORITY;
use super::verify::{ServedStatus, VerifySpec};
use super::{duration, form, rule};
use crate::pki::KeyAlgorithm;

/// The mutual TLS identity of one workload.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "mtls-operator.dev",
    version = "v1alpha1",
    kind = "MtlsIdentity",
    plural = "mtlsidentities",
    singular = "mtlsidentity",
    shortname = "mtlsid",
    category = "mtls",
    namespaced,
    doc = "The mutual TLS identity of one workload: a private key, a certificate and the trust bundle, kept fresh in a Secret.",
    status = "MtlsIdentityStatus",
    derive = "PartialEq",
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Reason", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#),
    printcolumn(name = "Secret", type_ = "string", json_path = ".status.secret.name"),
    printcolumn(name = "Expires", type_ = "string", json_path = ".status.notAfter"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "SPIFFE ID", type_ = "string", json_path = ".status.spiffeID", priority = "1"),
    printcolumn(name = "Renews", type_ = "string", json_path = ".status.renewalTime", priority = "1"),
    printcolumn(name = "Serial", type_ = "string", json_path = ".status.serial", priority = "1"),
    selectable = ".spec.authority",
    selectable = ".status.serial",
    validation = Rule::new(format!("self.metadata.name.matches('{}')", form::DNS_LABEL))
        .message("metadata.name must be a DNS label (lower-case letters, digits and '-', at most 63 characters): it names a service by default")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = rule::of_durations(
        &["self.ttl", "self.renewBefore"],
        "!has(self.ttl) || !has(self.renewBefore) || duration(self.renewBefore) + duration(self.renewBefore) <= duration(self.ttl)",
    )
        .message("spec.renewBefore must be at most half of spec.ttl: otherwise a certificate would be due as soon as it is issued"),
    validation = Rule::new("has(self.secret.name) == has(oldSelf.secret.name) && (!has(self.secret.name) || self.secret.name == oldSelf.secret.name)")
        .message("spec.secret.name is immutable: Pods mount the Secret by this name; create another MtlsIdentity instead")
)]
pub struct MtlsIdentitySpec {
    /// Name of the `MtlsAuthority` that signs.
    #[serde(default = "default_authority")]
    #[schemars(length(min = 1, max = 63), regex(pattern = form::DNS_LABEL))]
    #[x_kube(validation = rule::dns_label("spec.authority"))]
    pub authority: String,

    /// Service account of the SPIFFE ID `spiffe://<trustDomain>/ns/<namespace>/sa/<serviceAccountName>`, the only
    /// URI in the certificate. Default: metadata.name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = form::DNS_SUBDOMAIN))]
    #[x_kube(validation = rule::dns_subdomain("spec.serviceAccountName"))]
    pub service_account_name: Option<String>,

    /// Services of this namespace that the workload answers for. Each gives the DNS names `<s>.<ns>`, `<s>.<ns>.svc`
    /// and `<s>.<ns>.svc.<clusterDomain>`; the first is left out where it would be a name of the Internet, because the
    /// namespace is called like a top-level domain, or no name at all. Default: [metadata.name]. An empty list gives
    /// none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 32),
        inner(length(min = 1, max = 63), regex(pattern = form::DNS_LABEL))
    )]
    #[x_kube(merge_strategy = ListMerge::Set, validation = rule::dns_labels("spec.services"))]
    pub services: Option<Vec<String>>,

    /// More DNS names. Names inside the namespace's own zone (`*.<ns>.svc`, `x.y.<ns>.svc.<clusterDomain>`) are free,
    /// all others need a grant of the authority.
    #[serde(default)]
    #[schemars(
        length(max = 64),
        inner(
            length(min = 1, max = 253),
            regex(pattern = form::DNS_PATTERN)
        )
    )]
    #[x_kube(
        merge_strategy = ListMerge::Set,
        validation = rule::dns_patterns("spec.dnsNames"),
        validation = Rule::new(format!("self.all(name, !name.matches('{}'))", form::NUMERIC_END))
            .message("spec.dnsNames must not end in a number: that is an address, which belongs into spec.ipAddresses"),
        validation = Rule::new("self.all(name, !name.startsWith('*.') || name.matches('[.].+[.]'))")
            .message("spec.dnsNames must have two labels or more after '*.': clients accept no wildcard of a whole top-level domain")
    )]
    pub dns_names: Vec<String>,

    /// IP addresses. Each needs a grant of the authority.
    #[serde(default)]
    #[schemars(length(max = 16), inner(length(min = 2, max = 45)))]
    #[x_kube(
        merge_strategy = ListMerge::Set,
        validation = Rule::new("self.all(address, isIP(address))")
            .message("spec.ipAddresses must be IPv4 or IPv6 addresses, such as 10.0.0.7 or fd00::7")
    )]
    pub ip_addresses: Vec<String>,

    /// Lifetime of a certificate, a Go duration such as 24h. At least 1m, and at least three times the authority's
    /// rotation.propagation unless renewBefore is set; at most the authority's leaf.maxTTL. Default: the authority's
    /// leaf.ttl.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = duration::MAX_LENGTH), regex(pattern = duration::PATTERN))]
    #[x_kube(
        validation = rule::duration("spec.ttl"),
        validation = rule::at_least("spec.ttl", "1m")
    )]
    pub ttl: Option<String>,

    /// How long before its end a certificate is renewed, a Go duration: at least the authority's rotation.propagation,
    /// at most half of ttl. Default: a third of the lifetime.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = duration::MAX_LENGTH), regex(pattern = duration::PATTERN))]
    #[x_kube(
        validation = rule::duration("spec.renewBefore"),
        validation = rule::at_least("spec.renewBefore", "10s")
            .message("spec.renewBefore must be at least 10s, the least time in which a changed Secret reaches its Pods")
    )]
    pub renew_before: Option<String>,

    /// The private key. A new one is made at every issuance.
    #[serde(default)]
    pub private_key: PrivateKeySpec,

    /// The Secret that holds key, certificate and trust bundle.
    #[serde(default)]
    pub secret: SecretSpec,

    /// Lets the operator look at what the Pods of this identity really serve and trust. Needs an operator that runs
    /// with --verify.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<VerifySpec>,

    /// Stops issuance. The Secret stays, and its trust bundle is still kept up to date.
    #[serde(default)]
    pub paused: bool,
}

impl Default for MtlsIdentitySpec {
    fn default() -> Self {
        Self {
            authority: default_authority(),
            service_account_name: None,
            services: None,
            dns_names: Vec::new(),
            ip_addresses: Vec::new(),
            ttl: None,
            renew_before: None,
            private_key: PrivateKeySpec::default(),
            secret: SecretSpec::default(),
            verify: None,
            paused: false,
        }
    }
}

fn default_authority() -> String {
    DEFAULT_AUTHORITY.into()
}

/// The private key of an identity.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct PrivateKeySpec {
    /// Kind and size of the key.
    #[serde(default)]
    pub algorithm: KeyAlgorithm,
}

/// The Secret of an identity.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct SecretSpec {
    /// Name of the Secret. Immutable. Default: `<metadata.name>-mtls`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = form::DNS_SUBDOMAIN))]
    #[x_kube(validation = rule::dns_subdomain("spec.secret.name"))]
    pub name: Option<String>,

    /// Labels put on the Secret and kept in force. The operator's own win.
    #[serde(default)]
    #[schemars(
        extend("maxProperties" = 16),
        extend("additionalProperties" = {
            "type": "string", "maxLength": 63, "pattern": form::LABEL_VALUE
        })
    )]
    #[x_kube(
        validation = Rule::new(form::all_are_qualified_names())
            .message("spec.secret.labels must have valid Kubernetes label keys: [prefix/]name, with names of letters, digits, '-', '_' and '.', at most 63 characters"),
        validation = rule::label_values("spec.secret.labels")
    )]
    pub labels: BTreeMap<String, String>,

    /// Annotations put on the Secret and kept in force. The operator's own win.
    #[serde(default)]
    #[schemars(extend("maxProperties" = 16), extend("additionalProperties" = { "type": "string", "maxLength": 4096 }))]
    #[x_kube(validation = Rule::new(form::all_are_qualified_names())
        .message("spec.secret.annotations must have valid Kubernetes annotation keys: [prefix/]name, with names of letters, digits, '-', '_' and '.', at most 63 characters"))]
    pub annotations: BTreeMap<String, String>,

    /// What becomes of the Secret when the identity is deleted.
    #[serde(default)]
    pub reclaim: Reclaim,
}

/// What becomes of a Secret when its identity is deleted.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reclaim {
    /// The Secret is garbage-collected with the identity.
    #[default]
    Delete,
    /// The Secret stays.
    Retain,
}

/// What the operator last saw and did.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct MtlsIdentityStatus {
    /// The generation of the spec that this status speaks of; -1 until the operator has seen the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`, `Stalled` while a person must act, and `Serving` with `spec.verify`.
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
    /// Serial number of the certificate, lower-case hex.
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
    /// Key identifier of the signer, lower-case hex.
    #[serde(default, rename = "authorityKeyID", skip_serializing_if = "Option::is_none")]
    pub authority_key_id: Option<String>,
    /// The Secret that holds the certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretReference>,
    /// Number of issuances so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<i64>,
    /// The value of the annotation `mtls-operator.dev/renew` that was answered last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renew_request: Option<String>,
    /// What the endpoints of `spec.verify` were seen to serve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub served: Option<ServedStatus>,
}

/// A Secret in the version that was verified last.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct SecretReference {
    /// Name of the Secret.
    pub name: String,
    /// Version of the Secret that was written or verified last.
    pub resource_version: String,
}

impl MtlsIdentity {
    /// Name of the Secret that holds the certificate.
    #[must_use]
    pub fn secret_name(&self) -> String {
        let name = self.metadata.name.as_deref().unwrap_or_default();
        self.spec.secret.name.clone().unwrap_or_else(|| default_secret_name(name))
    }
}

/// Name of the Secret of an identity that names none.
#[must_use]
pub fn default_secret_name(identity: &str) -> String {
    format!("{identity}-mtls")
}
