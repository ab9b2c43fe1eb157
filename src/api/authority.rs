//! `MtlsAuthority`: what a platform engineer grants. `spec: {}` is complete.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{duration, form};
use crate::pki::{KeyAlgorithm, RootAlgorithm};

/// A certificate authority of the organisation.
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
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Identities", type_ = "integer", json_path = ".status.identities.total"),
    printcolumn(name = "Root Expires", type_ = "string", json_path = ".status.roots[0].notAfter"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Trust Domain", type_ = "string", json_path = ".spec.trustDomain", priority = "1"),
    printcolumn(name = "Root", type_ = "string", json_path = ".status.roots[0].fingerprint", priority = "1"),
    selectable = ".spec.trustDomain",
    validation = Rule::new(format!("self.metadata.name.matches('{}')", form::DNS_LABEL))
        .message("metadata.name must be a DNS label (lower-case letters, digits and '-', at most 63 characters): it becomes a label value"),
    validation = Rule::new("!has(self.spec.root.providedSecretName) || self.spec.root.providedSecretName != (has(self.spec.root.secretName) ? self.spec.root.secretName : 'mtls-authority-' + self.metadata.name)")
        .message("spec.root.providedSecretName must not be the root Secret: the operator writes that one; put the provided CA into a Secret of its own")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.root.secretName) == has(oldSelf.root.secretName) && (!has(self.root.secretName) || self.root.secretName == oldSelf.root.secretName)")
        .message("spec.root.secretName is immutable: the root lives in that Secret; create another MtlsAuthority instead"),
    validation = Rule::new("duration(self.rotation.propagation) + duration(self.rotation.propagation) + duration(self.rotation.propagation) <= duration(self.leaf.ttl)")
        .message("spec.leaf.ttl must be at least three times spec.rotation.propagation: a renewal must reach every Pod before the old certificate expires"),
    validation = Rule::new("!self.trustBundle.clusterTrustBundle || duration(self.rotation.propagation) >= duration('10m')")
        .message("spec.rotation.propagation must be at least 10m with spec.trustBundle.clusterTrustBundle: a change of a ClusterTrustBundle can take more than 6 minutes to reach a Pod"),
    validation = Rule::new("has(self.root.renewBefore) || 6 * (duration(self.rotation.propagation).getSeconds() + duration(self.leaf.maxTTL).getSeconds()) <= duration(self.root.ttl).getSeconds()")
        .message("spec.root.ttl must be at least six times the sum of spec.rotation.propagation and spec.leaf.maxTTL: a root must outlive its certificates and its own rotation; or set spec.root.renewBefore"),
    validation = Rule::new("!has(self.root.renewBefore) || 2 * (duration(self.rotation.propagation).getSeconds() + duration(self.leaf.maxTTL).getSeconds()) <= duration(self.root.renewBefore).getSeconds()")
        .message("spec.root.renewBefore must be at least twice the sum of spec.rotation.propagation and spec.leaf.maxTTL: the former root must outlive its certificates while the next one is brought out"),
    validation = Rule::new("!has(self.root.renewBefore) || 2 * duration(self.root.renewBefore).getSeconds() <= duration(self.root.ttl).getSeconds()")
        .message("spec.root.renewBefore must be at most half of spec.root.ttl")
)]
pub struct MtlsAuthoritySpec {
    /// SPIFFE trust domain: lower-case letters, digits, '.', '-' and '_'. Immutable.
    #[serde(default = "default_trust_domain")]
    #[schemars(length(min = 1, max = 255), regex(pattern = form::TRUST_DOMAIN))]
    #[x_kube(validation = Rule::new("self == oldSelf").message("spec.trustDomain is immutable: every identity's name begins with it; create another MtlsAuthority instead"))]
    pub trust_domain: String,

    /// DNS suffix of the cluster's service names.
    #[serde(default = "default_cluster_domain")]
    #[schemars(length(min = 1, max = 100), regex(pattern = form::DNS_NAME))]
    #[x_kube(validation = Rule::new(format!("!self.matches('{}')", form::NUMERIC_END)).message("spec.clusterDomain must not end in a number: clients would take its names for addresses"))]
    pub cluster_domain: String,

    /// The root certificate and where it lives.
    #[serde(default)]
    pub root: RootSpec,

    /// Limits and defaults for identities.
    #[serde(default)]
    pub leaf: LeafSpec,

    /// How changes reach consumers.
    #[serde(default)]
    pub rotation: RotationSpec,

    /// Namespaces whose identities may use this authority. Default: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<NamespaceSelector>,

    /// What namespaces may ask beyond their own zone.
    #[serde(default)]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub grants: Vec<Grant>,

    /// Where the trust bundle is published for clients without an identity.
    #[serde(default)]
    pub trust_bundle: TrustBundleSpec,

    /// SHA-256 fingerprints of roots that are compromised, as `openssl x509 -fingerprint -sha256` prints them. Each leaves
    /// every trust bundle at once and signs nothing more; what it has signed is issued anew.
    #[serde(default)]
    #[schemars(length(max = 32), inner(length(min = 64, max = 95), regex(pattern = form::FINGERPRINT)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub distrust: Vec<String>,
}

impl Default for MtlsAuthoritySpec {
    fn default() -> Self {
        Self {
            trust_domain: default_trust_domain(),
            cluster_domain: default_cluster_domain(),
            root: RootSpec::default(),
            leaf: LeafSpec::default(),
            rotation: RotationSpec::default(),
            namespaces: None,
            grants: Vec::new(),
            trust_bundle: TrustBundleSpec::default(),
            distrust: Vec::new(),
        }
    }
}

fn default_trust_domain() -> String {
    "cluster.local".into()
}

fn default_cluster_domain() -> String {
    "cluster.local".into()
}

/// The root certificate of an authority.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct RootSpec {
    /// Secret in the operator's namespace that holds the whole state of the authority. Immutable. Default:
    /// `mtls-authority-<metadata.name>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = form::DNS_SUBDOMAIN))]
    pub secret_name: Option<String>,

    /// Bring your own CA: a Secret in the operator's namespace with `tls.crt` (the CA, then its intermediates),
    /// `tls.key` and `ca.crt` (the anchors). People own it, the operator only copies from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = form::DNS_SUBDOMAIN))]
    pub provided_secret_name: Option<String>,

    /// Key of a generated root.
    #[serde(default)]
    pub algorithm: RootAlgorithm,

    /// Lifetime of a generated root, a Go duration of at least 10m.
    #[serde(default = "default_root_ttl")]
    #[schemars(length(max = duration::MAX_LENGTH), regex(pattern = duration::PATTERN))]
    #[x_kube(validation = Rule::new("duration(self) >= duration('10m')").message("spec.root.ttl must be at least 10m"))]
    pub ttl: String,

    /// How long before its end a generated root is replaced, a Go duration: at most half of ttl, and at least twice the
    /// sum of rotation.propagation and leaf.maxTTL. Default: a third of ttl.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = duration::MAX_LENGTH), regex(pattern = duration::PATTERN))]
    pub renew_before: Option<String>,
}

impl Default for RootSpec {
    fn default() -> Self {
        Self {
            secret_name: None,
            provided_secret_name: None,
            algorithm: RootAlgorithm::default(),
            ttl: default_root_ttl(),
            renew_before: None,
        }
    }
}

fn default_root_ttl() -> String {
    "8760h".into()
}

/// Limits and defaults for the certificates of identities.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("duration(self.ttl) <= duration(self.maxTTL)").message("spec.leaf.ttl must be at most spec.leaf.maxTTL"))]
pub struct LeafSpec {
    /// Lifetime of certificates whose identity asks for none, a Go duration.
    #[serde(default = "default_leaf_ttl")]
    #[schemars(length(max = duration::MAX_LENGTH), regex(pattern = duration::PATTERN))]
    #[x_kube(validation = Rule::new("duration(self) >= duration('1m')").message("spec.leaf.ttl must be at least 1m"))]
    pub ttl: String,

    /// The longest lifetime that an identity may ask for, a Go duration.
    #[serde(default = "default_leaf_max_ttl", rename = "maxTTL")]
    #[schemars(length(max = duration::MAX_LENGTH), regex(pattern = duration::PATTERN))]
    pub max_ttl: String,

    /// Key algorithms that identities may ask for.
    #[serde(default = "all_algorithms")]
    #[schemars(length(min = 1, max = 6))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub algorithms: Vec<KeyAlgorithm>,
}

impl Default for LeafSpec {
    fn default() -> Self {
        Self { ttl: default_leaf_ttl(), max_ttl: default_leaf_max_ttl(), algorithms: all_algorithms() }
    }
}

fn default_leaf_ttl() -> String {
    "24h".into()
}

fn default_leaf_max_ttl() -> String {
    "168h".into()
}

fn all_algorithms() -> Vec<KeyAlgorithm> {
    KeyAlgorithm::ALL.to_vec()
}

/// How changes reach consumers.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct RotationSpec {
    /// How long consumers may take to see a changed Secret, a Go duration of at least 10s. The kubelet's default
    /// brings a change into a Pod within about 90s.
    #[serde(default = "default_propagation")]
    #[schemars(length(max = duration::MAX_LENGTH), regex(pattern = duration::PATTERN))]
    #[x_kube(validation = Rule::new("duration(self) >= duration('10s')").message("spec.rotation.propagation must be at least 10s"))]
    pub propagation: String,

    /// Within which time each step of a root's rotation (new trust, new certificate, old trust dropped) reaches every
    /// Secret, a Go duration: with the Secret's own renewal where that falls inside, else spread evenly. `0s` is at
    /// once. Never more than a quarter of what was left of the old root when the step began.
    #[serde(default = "default_spread_over")]
    #[schemars(length(max = duration::MAX_LENGTH), regex(pattern = duration::PATTERN))]
    pub spread_over: String,
}

impl Default for RotationSpec {
    fn default() -> Self {
        Self { propagation: default_propagation(), spread_over: default_spread_over() }
    }
}

fn default_spread_over() -> String {
    "24h".into()
}

fn default_propagation() -> String {
    "5m".into()
}

/// What the selected namespaces may ask beyond their own zone.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Grant {
    /// Namespaces that the grant is for. An empty selector is all of them.
    pub namespaces: NamespaceSelector,

    /// DNS names, exact, or with one leading `*.` that stands for exactly one label (or for `*` itself).
    #[serde(default)]
    #[schemars(
        length(max = 64),
        inner(
            length(min = 1, max = 253),
            regex(pattern = form::DNS_PATTERN)
        )
    )]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub dns_names: Vec<String>,

    /// Address ranges in CIDR notation.
    #[serde(default)]
    #[schemars(length(max = 32), inner(length(min = 4, max = 49)))]
    #[x_kube(
        merge_strategy = ListMerge::Set,
        validation = Rule::new("self.all(range, isCIDR(range))")
            .message("spec.grants[].ipAddresses must be address ranges in CIDR notation, such as 10.0.0.0/24 or fd00::/64")
    )]
    pub ip_addresses: Vec<String>,
}

/// Where the trust bundle is published for clients without an identity.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct TrustBundleSpec {
    /// Name of the ConfigMap, whose key `ca.crt` holds the bundle. Default: `<metadata.name>-trust-bundle`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = form::DNS_SUBDOMAIN))]
    #[x_kube(validation = Rule::new("self != 'kube-root-ca.crt'").message("spec.trustBundle.configMapName must not be kube-root-ca.crt: Kubernetes itself writes that ConfigMap"))]
    pub config_map_name: Option<String>,

    /// Namespaces that get the ConfigMap. Default: none. An empty selector is all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<NamespaceSelector>,

    /// Whether the bundle is also a ClusterTrustBundle, `mtls-operator.dev:<metadata.name>:bundle`. The API server must
    /// serve that kind, and rotation.propagation be at least 10m.
    #[serde(default)]
    pub cluster_trust_bundle: bool,
}

/// A label selector on namespaces. Empty selects all.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct NamespaceSelector {
    /// Labels that a namespace must have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 32), extend("additionalProperties" = { "type": "string", "maxLength": 63 }))]
    pub match_labels: BTreeMap<String, String>,

    /// Requirements that a namespace must meet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub match_expressions: Vec<Requirement>,
}

/// One requirement on the labels of a namespace.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("(self.operator in ['In', 'NotIn']) == (has(self.values) && size(self.values) > 0)")
    .message("values must be given for the operators In and NotIn, and only for them"))]
pub struct Requirement {
    /// Key of the label.
    #[schemars(length(min = 1, max = 317))]
    #[x_kube(validation = Rule::new(form::is_qualified_name("self")).message("key must be a valid Kubernetes label key: [prefix/]name"))]
    pub key: String,
    /// How the label's value relates to `values`.
    pub operator: Operator,
    /// Values of the label.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 63)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub values: Vec<String>,
}

/// How a label relates to the values of a [`Requirement`].
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// The label has one of the values.
    In,
    /// The label is absent or has none of the values.
    NotIn,
    /// The label is there.
    Exists,
    /// The label is not there.
    DoesNotExist,
}

/// What the operator last saw and did.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct MtlsAuthorityStatus {
    /// The generation of the spec that this status speaks of; -1 until the operator has seen the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`, and `Stalled` while a person must act.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".to_string()]))]
    pub conditions: Vec<Condition>,
    /// Phase of the root's rotation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// When the phase began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
    /// The certificates that sign or are trusted, the signing one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub roots: Vec<RootStatus>,
    /// Identities of this authority, counted by the reason of their `Ready` condition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identities: Option<IdentityCounts>,
    /// What a rotation waits for. Absent where it waits for nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_for: Option<WaitingFor>,
    /// The value of the annotation `mtls-operator.dev/rotate` that was answered last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotate_request: Option<String>,
}

/// What a rotation waits for.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct WaitingFor {
    /// Identities whose Secret does not carry every root yet, or still holds a leaf of a retiring one.
    pub identities: i64,
    /// The first ten of them, as `<namespace>/<name>`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub names: Vec<String>,
    /// Endpoints of `spec.verify` that were not seen to trust the announced root yet.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub endpoints: i64,
    /// The first ten of them, as `<namespace>/<identity> <address>`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub endpoint_names: Vec<String>,
    /// Published trust bundles that do not hold every root yet.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub bundles: i64,
    /// The first ten of them, as `configmap/<namespace>/<name>` or `clustertrustbundle/<name>`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub bundle_names: Vec<String>,
    /// Whoever is behind, and whom the annotation `mtls-operator.dev/rotation-exclude` says not to wait for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub excluded: Vec<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
const fn is_zero(count: &i64) -> bool {
    *count == 0
}

/// Phase of a root's rotation.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Phase {
    /// One root signs and is trusted.
    #[default]
    Stable,
    /// The next root is trusted, and does not sign yet.
    Announced,
    /// The next root signs; the former one is trusted until its last leaf is gone.
    Draining,
}

impl Phase {
    /// Every phase.
    pub const ALL: [Self; 3] = [Self::Stable, Self::Announced, Self::Draining];

    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stable => "Stable",
            Self::Announced => "Announced",
            Self::Draining => "Draining",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.as_str() == word)
    }
}

/// One root, as status shows it.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct RootStatus {
    /// SHA-256 of the certificate, lower-case hex.
    pub fingerprint: String,
    /// Subject key identifier, lower-case hex.
    #[serde(rename = "keyID")]
    pub key_id: String,
    /// What the root does.
    pub role: RootRole,
    /// Start of its validity.
    pub not_before: Time,
    /// End of its validity.
    pub not_after: Time,
    /// Leaf certificates in force that it signed.
    pub leaves: i64,
}

/// What a root does.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootRole {
    /// It signs leaf certificates.
    Signing,
    /// It is trusted, and will sign.
    Next,
    /// It has signed, and is trusted until its last leaf is gone.
    Retiring,
}

/// Identities, counted by the reason of their `Ready` condition.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct IdentityCounts {
    /// All of them.
    pub total: i64,
    /// `Issued`.
    pub issued: i64,
    /// `Issuing`, or not yet looked at.
    pub issuing: i64,
    /// `Paused`.
    pub paused: i64,
    /// `AuthorityNotReady`.
    pub authority_not_ready: i64,
    /// `NotPermitted`.
    pub not_permitted: i64,
    /// `Invalid`.
    pub invalid: i64,
    /// `SecretConflict`.
    pub secret_conflict: i64,
    /// `Expired`.
    pub expired: i64,
}

impl MtlsAuthority {
    /// Name of the Secret that holds the state of this authority.
    #[must_use]
    pub fn root_secret_name(&self) -> String {
        let name = self.metadata.name.as_deref().unwrap_or_default();
        self.spec.root.secret_name.clone().unwrap_or_else(|| format!("mtls-authority-{name}"))
    }

    /// Name of the ConfigMaps that hold the trust bundle of this authority.
    #[must_use]
    pub fn config_map_name(&self) -> String {
        let name = self.metadata.name.as_deref().unwrap_or_default();
        self.spec.trust_bundle.config_map_name.clone().unwrap_or_else(|| format!("{name}-trust-bundle"))
    }
}
