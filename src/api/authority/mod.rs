//! `MtlsAuthority`: what a platform engineer grants. `spec: {}` is complete.

mod annotations;
mod grant;
mod root;
mod selector;
mod status;

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::cel;
use super::decoded::is_internal;
use super::patterns;

pub use annotations::AuthorityRequests;
pub use grant::{DistrustedRoot, Grant};
pub use root::{CrossCertificates, LeafSpec, ProvidedSpec, RootSpec, RotationSpec};
pub use selector::{From, NamespaceSelector, Operator, Requirement};
pub use status::{
    DistrustedStatus, IdentityCounts, MtlsAuthorityStatus, Phase, RootRole, RootStatus, RotationStatus,
    WaitingFor, WaitingKind,
};

/// The root, who may use it, for which names, and how changes reach consumers. An empty spec is complete.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "mtls-operator.dev",
    version = "v1alpha1",
    kind = "MtlsAuthority",
    plural = "mtlsauthorities",
    singular = "mtlsauthority",
    shortname = "mtlsca",
    category = "mtls",
    doc = "A certificate authority of the organisation: its root, who may use it, and for which names.",
    status = "MtlsAuthorityStatus",
    derive = "PartialEq",
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Reason", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.rotation.phase"),
    printcolumn(name = "Identities", type_ = "integer", json_path = ".status.identities.total"),
    printcolumn(name = "Root Expires", type_ = "string", json_path = ".status.roots[0].notAfter"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Trust Domain", type_ = "string", json_path = ".spec.trustDomain", priority = "1"),
    printcolumn(name = "Root", type_ = "string", json_path = ".status.roots[0].fingerprint", priority = "1"),
    selectable = ".spec.trustDomain",
    validation = Rule::new(format!("self.metadata.name.matches('{}')", patterns::DNS_LABEL))
        .message("metadata.name must be a DNS label (lower-case letters, digits and '-', at most 63 characters): it becomes a label value"),
    validation = Rule::new("!has(self.spec.root.provided) || self.spec.root.provided.secretName != (has(self.spec.root.secretName) ? self.spec.root.secretName : 'mtls-authority-' + self.metadata.name)")
        .message("spec.root.provided.secretName must not be the root Secret: the operator writes that one; put the provided CA into a Secret of its own")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.root.secretName) == has(oldSelf.root.secretName) && (!has(self.root.secretName) || self.root.secretName == oldSelf.root.secretName)")
        .message("spec.root.secretName is immutable: the root lives in that Secret; create another MtlsAuthority instead"),
    validation = cel::own_trust_domain(),
    validation = cel::of_durations(
        &["self.rotation.propagation", "self.leaf.ttl"],
        "duration(self.rotation.propagation) + duration(self.rotation.propagation) + duration(self.rotation.propagation) <= duration(self.leaf.ttl)",
    )
        .message("spec.leaf.ttl must be at least three times spec.rotation.propagation: a renewal must reach every Pod before the old certificate expires"),
    validation = cel::of_durations(
        &["self.rotation.propagation"],
        "!self.trustBundle.clusterTrustBundle || duration(self.rotation.propagation) >= duration('10m')",
    )
        .message("spec.rotation.propagation must be at least 10m with spec.trustBundle.clusterTrustBundle: a change of a ClusterTrustBundle can take more than 6 minutes to reach a Pod"),
    validation = cel::of_durations(
        &["self.rotation.propagation", "self.leaf.maxTTL", "self.root.ttl"],
        "has(self.root.renewBefore) || 6 * (duration(self.rotation.propagation).getSeconds() + duration(self.leaf.maxTTL).getSeconds()) <= duration(self.root.ttl).getSeconds()",
    )
        .message("spec.root.ttl must be at least six times the sum of spec.rotation.propagation and spec.leaf.maxTTL: a root must outlive its certificates and its own rotation; or set spec.root.renewBefore"),
    validation = cel::of_durations(
        &["self.rotation.propagation", "self.leaf.maxTTL", "self.root.renewBefore"],
        "!has(self.root.renewBefore) || 2 * (duration(self.rotation.propagation).getSeconds() + duration(self.leaf.maxTTL).getSeconds()) <= duration(self.root.renewBefore).getSeconds()",
    )
        .message("spec.root.renewBefore must be at least twice the sum of spec.rotation.propagation and spec.leaf.maxTTL: the former root must outlive its certificates while the next one is brought out"),
    validation = cel::of_durations(
        &["self.root.renewBefore", "self.root.ttl"],
        "!has(self.root.renewBefore) || 2 * duration(self.root.renewBefore).getSeconds() <= duration(self.root.ttl).getSeconds()",
    )
        .message("spec.root.renewBefore must be at most half of spec.root.ttl")
)]
pub struct MtlsAuthoritySpec {
    /// SPIFFE trust domain, the first part of every SPIFFE ID: lower-case letters, digits, '.', '-' and '_'. Immutable, so
    /// choose your own before the first identity, such as prod.example.com: two clusters with the same trust domain and the
    /// same CA have the same identities. With root.provided it must not be cluster.local.
    #[serde(default = "default_trust_domain")]
    #[schemars(length(min = 1, max = 255), regex(pattern = patterns::TRUST_DOMAIN))]
    #[x_kube(
        validation = cel::trust_domain("spec.trustDomain"),
        validation = Rule::new("self == oldSelf")
            .message("spec.trustDomain is immutable: every identity's name begins with it; create another MtlsAuthority instead")
    )]
    pub trust_domain: String,

    /// DNS suffix of the cluster's service names. Changing it issues new certificates.
    #[serde(default = "default_cluster_domain")]
    #[schemars(length(min = 1, max = 100), regex(pattern = patterns::DNS_NAME))]
    #[x_kube(
        validation = cel::dns_name("spec.clusterDomain"),
        validation = Rule::new(format!("!self.matches('{}')", patterns::NUMERIC_END))
            .message("spec.clusterDomain must not end in a number: clients would take its names for addresses")
    )]
    pub cluster_domain: String,

    /// The root of the authority: where it is stored, and how it is made.
    #[serde(default)]
    pub root: RootSpec,

    /// Limits and defaults for the certificates of identities.
    #[serde(default)]
    pub leaf: LeafSpec,

    /// Timing of CA rotations and trust bundle updates.
    #[serde(default)]
    pub rotation: RotationSpec,

    /// Namespaces whose identities may use this authority. A null means the default. Default: all, {from: All}.
    #[serde(default = "NamespaceSelector::all")]
    pub namespaces: NamespaceSelector,

    /// Names and addresses outside their own zone that selected namespaces may request. Removing a grant refuses the
    /// identities that need it: their certificates are not renewed.
    #[serde(default)]
    #[schemars(length(max = 512))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".to_string()]))]
    pub grants: Vec<Grant>,

    /// Where the trust bundle is published, for clients without an identity.
    #[serde(default)]
    pub trust_bundle: TrustBundleSpec,

    /// Roots that are compromised, at most 32. Each leaves every trust bundle at once and signs nothing more; the
    /// certificates that it signed are issued again. Connections can fail until both sides have loaded their new Secrets.
    #[serde(default)]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["fingerprint".to_string()]))]
    pub distrusted_roots: Vec<DistrustedRoot>,

    /// Why the spec could not be read, where this object is a stand-in for one that exists.
    #[serde(skip_deserializing, skip_serializing_if = "is_internal")]
    pub unreadable: Option<String>,
}

impl Default for MtlsAuthoritySpec {
    fn default() -> Self {
        Self {
            trust_domain: default_trust_domain(),
            cluster_domain: default_cluster_domain(),
            root: RootSpec::default(),
            leaf: LeafSpec::default(),
            rotation: RotationSpec::default(),
            namespaces: NamespaceSelector::all(),
            grants: Vec::new(),
            trust_bundle: TrustBundleSpec::default(),
            distrusted_roots: Vec::new(),
            unreadable: None,
        }
    }
}

fn default_trust_domain() -> String {
    "cluster.local".into()
}

fn default_cluster_domain() -> String {
    "cluster.local".into()
}

impl MtlsAuthority {
    /// Name of the Secret that holds the state of this authority.
    #[must_use]
    pub fn root_secret_name(&self) -> String {
        let name = self.metadata.name.as_deref().unwrap_or_default();
        self.spec.root.secret_name.clone().unwrap_or_else(|| format!("mtls-authority-{name}"))
    }

    /// The CA that people provide: name of its Secret.
    #[must_use]
    pub fn provided_secret_name(&self) -> Option<&str> {
        self.spec.root.provided.as_ref().map(|provided| provided.secret_name.as_str())
    }

    /// Name of the ConfigMaps that hold the trust bundle of this authority.
    #[must_use]
    pub fn config_map_name(&self) -> String {
        let name = self.metadata.name.as_deref().unwrap_or_default();
        self.spec.trust_bundle.config_map_name.clone().unwrap_or_else(|| format!("{name}-trust-bundle"))
    }
}

/// Where the trust bundle is published, for clients without an identity.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct TrustBundleSpec {
    /// Name of the ConfigMap, whose key ca.crt holds the bundle. Default: <metadata.name>-trust-bundle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = patterns::DNS_SUBDOMAIN))]
    #[x_kube(
        validation = cel::dns_subdomain("spec.trustBundle.configMapName"),
        validation = Rule::new("self != 'kube-root-ca.crt'")
            .message("spec.trustBundle.configMapName must not be kube-root-ca.crt: Kubernetes itself writes that ConfigMap")
    )]
    pub config_map_name: Option<String>,

    /// Namespaces that get the ConfigMap. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<NamespaceSelector>,

    /// Whether the bundle is also published as the ClusterTrustBundle mtls-operator.dev:<metadata.name>:bundle. The API
    /// server must serve that kind, the operator must be allowed to write it, and rotation.propagation must be at least
    /// 10m.
    #[serde(default)]
    pub cluster_trust_bundle: bool,
}
