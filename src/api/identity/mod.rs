//! `MtlsIdentity`: what an application team asks for. `spec: {}` is complete.

mod status;

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cel;
use super::decoded::is_internal;
use super::duration;
use super::names::DEFAULT_AUTHORITY;
use super::patterns;
use super::probe::ProbeSpec;
use super::word::Word;
use crate::pki::{CommonName, KeyAlgorithm};

pub use status::{MtlsIdentityStatus, SecretReference};

/// What the workload is called, who signs its certificate, and where that is stored. An empty spec is complete.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
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
    printcolumn(name = "Authority", type_ = "string", json_path = ".status.authorityName", priority = "1"),
    printcolumn(name = "Renews", type_ = "string", json_path = ".status.renewalTime", priority = "1"),
    printcolumn(name = "Serial", type_ = "string", json_path = ".status.serial", priority = "1"),
    selectable = ".status.authorityName",
    selectable = ".status.serial",
    validation = Rule::new(format!("self.metadata.name.matches('{}')", patterns::DNS_LABEL))
        .message("metadata.name must be a DNS label (lower-case letters, digits and '-', at most 63 characters): it names a service by default")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = cel::of_durations(
        &["self.ttl", "self.renewBefore"],
        "!has(self.ttl) || !has(self.renewBefore) || duration(self.renewBefore) + duration(self.renewBefore) <= duration(self.ttl)",
    )
        .message("spec.renewBefore must be at most half of spec.ttl: otherwise a certificate would be due as soon as it is issued"),
    validation = Rule::new("has(self.secret.name) == has(oldSelf.secret.name) && (!has(self.secret.name) || self.secret.name == oldSelf.secret.name)")
        .message("spec.secret.name is immutable: Pods mount the Secret by this name; create another MtlsIdentity instead")
)]
pub struct MtlsIdentitySpec {
    /// The MtlsAuthority that signs. Changing it issues a new certificate.
    #[serde(default)]
    pub authority_ref: AuthorityReference,

    /// Service account in the SPIFFE ID spiffe://<trustDomain>/ns/<namespace>/sa/<serviceAccountName>, the only URI in the
    /// certificate. Default: metadata.name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = patterns::DNS_SUBDOMAIN))]
    #[x_kube(validation = cel::dns_subdomain("spec.serviceAccountName"))]
    pub service_account_name: Option<String>,

    /// Services of this namespace that the workload serves. Each adds the DNS names <service>.<namespace>,
    /// <service>.<namespace>.svc and <service>.<namespace>.svc.<clusterDomain>. The two-label form is omitted where the
    /// namespace is named like a public DNS suffix (dev, app), a reserved one (internal, local, home) or a number: it would be
    /// a name outside of the cluster, or an address. kubernetes in the namespace default is the API server and needs a grant
    /// for all three. Unset: [metadata.name]. Empty list: no service names, for workloads that only connect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 32),
        inner(length(min = 1, max = 63), regex(pattern = patterns::DNS_LABEL)),
        transform = cel::each(vec![cel::is_dns_label()])
    )]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub services: Option<Vec<String>>,

    /// Additional DNS names. Names below this namespace's service zone (<namespace>.svc and
    /// <namespace>.svc.<clusterDomain>) are always allowed, but for those of the API server; any other name must be allowed by a grant in the
    /// MtlsAuthority. A leading "*." stands for exactly one label. Changing names issues a new certificate.
    #[serde(default)]
    #[schemars(
        length(max = 64),
        inner(length(min = 1, max = 253), regex(pattern = patterns::DNS_PATTERN)),
        transform = cel::each(vec![cel::is_dns_pattern(), cel::is_no_address(), cel::is_narrow_wildcard()])
    )]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub dns_names: Vec<String>,

    /// IP addresses in canonical form, such as 10.0.0.7 or fd00::7. Each must be allowed by a grant in the MtlsAuthority.
    /// Changing addresses issues a new certificate.
    #[serde(default)]
    #[schemars(
        length(max = 16),
        inner(length(min = 2, max = 45)),
        transform = cel::each(vec![cel::is_address(), cel::is_canonical_address()])
    )]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub ip_addresses: Vec<String>,

    /// Lifetime of a certificate, a duration such as 24h: at least 1m, at most leaf.maxTTL of the MtlsAuthority, and at
    /// least three times its rotation.propagation unless renewBefore is set. A certificate never ends after its signer.
    /// Default: leaf.ttl of the MtlsAuthority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = duration::MAX_LENGTH), regex(pattern = duration::PATTERN))]
    #[x_kube(
        validation = cel::duration("spec.ttl"),
        validation = cel::at_least("spec.ttl", "1m")
    )]
    pub ttl: Option<String>,

    /// How long before its end a certificate is renewed, a duration: at least rotation.propagation of the MtlsAuthority,
    /// at most half of ttl. Default: a third of the lifetime.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = duration::MAX_LENGTH), regex(pattern = duration::PATTERN))]
    #[x_kube(
        validation = cel::duration("spec.renewBefore"),
        validation = cel::at_least("spec.renewBefore", "10s")
            .message("spec.renewBefore must be at least 10s, the least time in which a changed Secret reaches its Pods")
    )]
    pub renew_before: Option<String>,

    /// The private key. Every issuance makes a new one.
    #[serde(default)]
    pub private_key: PrivateKeySpec,

    /// The subject of the certificate.
    #[serde(default)]
    pub subject: SubjectSpec,

    /// The Secret that holds the private key, the certificate and the trust bundle.
    #[serde(default)]
    pub secret: SecretSpec,

    /// Ports on which the Pods of this identity serve, at most 8. The operator dials them and reports in the condition
    /// Serving what they present and which clients they accept; a rotation waits for those that do not trust the next root. Needs
    /// an operator that runs with --endpoint-probes.
    #[serde(default)]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".to_string()]))]
    pub probes: Vec<ProbeSpec>,

    /// Stops issuance and renewal. The Secret stays, and its trust bundle is still kept up to date; the certificate
    /// expires.
    #[serde(default)]
    pub paused: bool,

    /// Why the spec could not be read, where this object is a stand-in for one that exists.
    #[serde(skip_deserializing, skip_serializing_if = "is_internal")]
    pub unreadable: Option<String>,
}

/// The `MtlsAuthority` that signs.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct AuthorityReference {
    /// Name of the MtlsAuthority.
    #[serde(default = "default_authority")]
    #[schemars(length(min = 1, max = 63), regex(pattern = patterns::DNS_LABEL))]
    #[x_kube(validation = cel::dns_label("spec.authorityRef.name"))]
    pub name: String,
}

impl Default for AuthorityReference {
    fn default() -> Self {
        Self { name: default_authority() }
    }
}

fn default_authority() -> String {
    DEFAULT_AUTHORITY.into()
}

/// The private key of an identity.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct PrivateKeySpec {
    /// Kind and size of the key; must be among leaf.algorithms of the MtlsAuthority. ECDSAP256: small and fast, accepted by
    /// every TLS stack. ECDSAP384: the same on a larger curve. ED25519: some TLS stacks, browsers among them, do not
    /// accept it. RSA2048, RSA3072, RSA4096: for peers that know nothing else; a new key takes from a tenth of a second
    /// to seconds of CPU. More values may be added. Changing it issues a new certificate. Default: ECDSAP256.
    #[serde(default)]
    pub algorithm: Word<KeyAlgorithm>,
}

/// The subject of an identity's certificate.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct SubjectSpec {
    /// What the subject names. None: nothing, it is empty; peers read the SPIFFE ID and the DNS names. ServiceAccount:
    /// CN=<serviceAccountName>.<namespace>,O=<trustDomain>, for programs that know users by a distinguished name, such as
    /// PostgreSQL, MongoDB, Kafka and etcd; each of the two has at most 64 characters. Not permitted where services get no
    /// name <service>.<namespace>: programs that look for a host name in the subject would find one of others. More
    /// values may be added. Changing it issues a new certificate. Default: None.
    #[serde(default)]
    pub common_name: Word<CommonName>,
}

/// The Secret of an identity.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct SecretSpec {
    /// Name of the Secret. Immutable. Default: <metadata.name>-mtls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = patterns::DNS_SUBDOMAIN))]
    #[x_kube(validation = cel::dns_subdomain("spec.secret.name"))]
    pub name: Option<String>,

    /// Labels put on the Secret and kept there; a key that is removed here is removed from the Secret. Other labels of the
    /// Secret are left alone. Keys below mtls-operator.dev/ and app.kubernetes.io/managed-by are reserved.
    #[serde(default)]
    #[schemars(
        extend("maxProperties" = 16),
        extend("additionalProperties" = {
            "type": "string", "maxLength": 63, "pattern": patterns::LABEL_VALUE
        })
    )]
    #[x_kube(
        validation = cel::keys("spec.secret.labels", "label"),
        validation = cel::unreserved_keys("spec.secret.labels"),
        validation = cel::label_values("spec.secret.labels")
    )]
    pub labels: BTreeMap<String, String>,

    /// Annotations put on the Secret and kept there; a key that is removed here is removed from the Secret. Other
    /// annotations of the Secret are left alone. Keys below mtls-operator.dev/ are reserved.
    #[serde(default)]
    #[schemars(extend("maxProperties" = 16), extend("additionalProperties" = { "type": "string", "maxLength": 4096 }))]
    #[x_kube(
        validation = cel::keys("spec.secret.annotations", "annotation"),
        validation = cel::unreserved_keys("spec.secret.annotations")
    )]
    pub annotations: BTreeMap<String, String>,

    /// What becomes of the Secret when the identity is deleted. Delete: it is garbage-collected with the identity. Retain:
    /// it stays, and is not renewed. Default: Delete.
    #[serde(default)]
    pub reclaim: Word<Reclaim>,
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
    format!("{identity}{DEFAULT_SECRET_SUFFIX}")
}

/// The identity that has a Secret of this name if it names none.
#[must_use]
pub fn identity_of_default_secret(secret: &str) -> Option<&str> {
    secret.strip_suffix(DEFAULT_SECRET_SUFFIX)
}

const DEFAULT_SECRET_SUFFIX: &str = "-mtls";
