//! What an authority makes, for how long, and how changes of it reach consumers.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::cel;
use crate::api::duration;
use crate::api::patterns;
use crate::api::word::Word;
use crate::pki::{KeyAlgorithm, RootAlgorithm};

/// The root certificate of an authority.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct RootSpec {
    /// Secret in the operator's namespace that holds the CA's private key and the state of its rotation. Back it up.
    /// Immutable. Default: mtls-authority-<metadata.name>.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = patterns::DNS_SUBDOMAIN))]
    #[x_kube(validation = cel::dns_subdomain("spec.root.secretName"))]
    pub secret_name: Option<String>,

    /// Bring your own CA. Without it the operator generates the root. Adding, changing or removing it rotates the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provided: Option<ProvidedSpec>,

    /// Key of a generated root. ECDSAP256: small and fast, accepted by every TLS stack. ECDSAP384: the same on a larger
    /// curve. More values may be added. Takes effect with the next root. Default: ECDSAP256.
    #[serde(default)]
    pub algorithm: Word<RootAlgorithm>,

    /// Lifetime of a generated root, a duration of at least 10m, and of at least six times the sum of rotation.propagation
    /// and leaf.maxTTL unless renewBefore is set. Takes effect with the next root.
    #[serde(default = "default_root_ttl")]
    #[schemars(length(max = duration::MAX_LENGTH), regex(pattern = duration::PATTERN))]
    #[x_kube(validation = cel::duration("spec.root.ttl"), validation = cel::at_least("spec.root.ttl", "10m"))]
    pub ttl: String,

    /// How long before its end a generated root is replaced, a duration: at most half of ttl, and at least twice the
    /// sum of rotation.propagation and leaf.maxTTL. Default: a third of ttl.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = duration::MAX_LENGTH), regex(pattern = duration::PATTERN))]
    #[x_kube(validation = cel::duration("spec.root.renewBefore"))]
    pub renew_before: Option<String>,
}

impl Default for RootSpec {
    fn default() -> Self {
        Self {
            secret_name: None,
            provided: None,
            algorithm: Word::default(),
            ttl: default_root_ttl(),
            renew_before: None,
        }
    }
}

fn default_root_ttl() -> String {
    "8760h".into()
}

/// A CA that people provide.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ProvidedSpec {
    /// Secret in the operator's namespace with tls.crt (the CA, then its intermediates), tls.key and ca.crt (the anchors). Its
    /// annotation mtls-operator.dev/provides-for must name this authority; several names have commas between. Its type must
    /// not be mtls-operator.dev/root. Its key is copied into the Secret named by root.secretName. The operator never writes it.
    #[schemars(length(min = 1, max = 253), regex(pattern = patterns::DNS_SUBDOMAIN))]
    #[x_kube(validation = cel::dns_subdomain("spec.root.provided.secretName"))]
    pub secret_name: String,

    /// Whether this CA may certify the root that follows it. Never: the operator makes no CA certificate in its name, and
    /// consumers that have not loaded the next root when it begins to sign refuse its certificates. Allowed: it signs a
    /// cross-certificate for the next root, which is served with certificates until it ends. An intermediate never does: GnuTLS
    /// refuses a chain in which intermediates follow a cross-certificate. Default: Never.
    #[serde(default)]
    pub cross_certificates: Word<CrossCertificates>,
}

/// Whether a CA that people provide may certify its successor.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CrossCertificates {
    /// It certifies nothing but certificates of identities.
    #[default]
    Never,
    /// It certifies the root that follows it.
    Allowed,
}

/// Limits and defaults for the certificates of identities.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = cel::of_durations(&["self.ttl", "self.maxTTL"], "duration(self.ttl) <= duration(self.maxTTL)")
    .message("spec.leaf.ttl must be at most spec.leaf.maxTTL"))]
pub struct LeafSpec {
    /// Lifetime of certificates whose identity asks for none, a duration of at least 1m and of at least three times
    /// rotation.propagation. Takes effect with the next renewal.
    #[serde(default = "default_leaf_ttl")]
    #[schemars(length(max = duration::MAX_LENGTH), regex(pattern = duration::PATTERN))]
    #[x_kube(validation = cel::duration("spec.leaf.ttl"), validation = cel::at_least("spec.leaf.ttl", "1m"))]
    pub ttl: String,

    /// The longest lifetime that an identity may ask for, a duration. A former root stays trusted for this long after a
    /// rotation.
    #[serde(default = "default_leaf_max_ttl", rename = "maxTTL")]
    #[schemars(length(max = duration::MAX_LENGTH), regex(pattern = duration::PATTERN))]
    #[x_kube(validation = cel::duration("spec.leaf.maxTTL"))]
    pub max_ttl: String,

    /// Key algorithms that identities may ask for. Default: those known when the authority was created; add newer ones by
    /// hand.
    #[serde(default = "all_algorithms")]
    #[schemars(length(min = 1, max = 16))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub algorithms: Vec<Word<KeyAlgorithm>>,
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

fn all_algorithms() -> Vec<Word<KeyAlgorithm>> {
    KeyAlgorithm::ALL.map(Word::Known).to_vec()
}

/// Timing of CA rotations and trust bundle updates.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct RotationSpec {
    /// How long consumers may take to see a changed Secret, a duration of at least 10s, and of at least 10m with
    /// trustBundle.clusterTrustBundle. A new root does not sign before every Secret and trust bundle has carried it for
    /// this long. The kubelet's default brings a change into a Pod within about 90s.
    #[serde(default = "default_propagation")]
    #[schemars(length(max = duration::MAX_LENGTH), regex(pattern = duration::PATTERN))]
    #[x_kube(validation = cel::duration("spec.rotation.propagation"), validation = cel::at_least("spec.rotation.propagation", "10s"))]
    pub propagation: String,

    /// Time over which each step of a CA rotation (new trust, new certificate, old trust removed) is rolled out to all
    /// Secrets, a duration: with the renewal of the Secret where that falls inside, else spread evenly. 0s: at once. Never
    /// more than a quarter of the life that the old root had left when the step began.
    #[serde(default = "default_spread_over")]
    #[schemars(length(max = duration::MAX_LENGTH), regex(pattern = duration::PATTERN))]
    #[x_kube(validation = cel::duration("spec.rotation.spreadOver"))]
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
