//! What an authority makes, for how long, and how changes of it reach everybody.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::api::{duration, form, rule};
use crate::pki::{KeyAlgorithm, RootAlgorithm};

/// The root certificate of an authority.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct RootSpec {
    /// Secret in the operator's namespace that holds the whole state of the authority. Immutable. Default:
    /// `mtls-authority-<metadata.name>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = form::DNS_SUBDOMAIN))]
    #[x_kube(validation = rule::dns_subdomain("spec.root.secretName"))]
    pub secret_name: Option<String>,

    /// Bring your own CA: a Secret in the operator's namespace with `tls.crt` (the CA, then its intermediates),
    /// `tls.key` and `ca.crt` (the anchors). People own it, the operator only copies from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = form::DNS_SUBDOMAIN))]
    #[x_kube(validation = rule::dns_subdomain("spec.root.providedSecretName"))]
    pub provided_secret_name: Option<String>,

    /// Key of a generated root.
    #[serde(default)]
    pub algorithm: RootAlgorithm,

    /// Lifetime of a generated root, a Go duration of at least 10m.
    #[serde(default = "default_root_ttl")]
    #[schemars(length(max = duration::MAX_LENGTH), regex(pattern = duration::PATTERN))]
    #[x_kube(validation = rule::duration("spec.root.ttl"), validation = rule::at_least("spec.root.ttl", "10m"))]
    pub ttl: String,

    /// How long before its end a generated root is replaced, a Go duration: at most half of ttl, and at least twice the
    /// sum of rotation.propagation and leaf.maxTTL. Default: a third of ttl.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = duration::MAX_LENGTH), regex(pattern = duration::PATTERN))]
    #[x_kube(validation = rule::duration("spec.root.renewBefore"))]
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
#[x_kube(validation = rule::of_durations(&["self.ttl", "self.maxTTL"], "duration(self.ttl) <= duration(self.maxTTL)")
    .message("spec.leaf.ttl must be at most spec.leaf.maxTTL"))]
pub struct LeafSpec {
    /// Lifetime of certificates whose identity asks for none, a Go duration.
    #[serde(default = "default_leaf_ttl")]
    #[schemars(length(max = duration::MAX_LENGTH), regex(pattern = duration::PATTERN))]
    #[x_kube(validation = rule::duration("spec.leaf.ttl"), validation = rule::at_least("spec.leaf.ttl", "1m"))]
    pub ttl: String,

    /// The longest lifetime that an identity may ask for, a Go duration.
    #[serde(default = "default_leaf_max_ttl", rename = "maxTTL")]
    #[schemars(length(max = duration::MAX_LENGTH), regex(pattern = duration::PATTERN))]
    #[x_kube(validation = rule::duration("spec.leaf.maxTTL"))]
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
    #[x_kube(validation = rule::duration("spec.rotation.propagation"), validation = rule::at_least("spec.rotation.propagation", "10s"))]
    pub propagation: String,

    /// Within which time each step of a root's rotation (new trust, new certificate, old trust dropped) reaches every
    /// Secret, a Go duration: with the Secret's own renewal where that falls inside, else spread evenly. `0s` is at
    /// once. Never more than a quarter of what was left of the old root when the step began.
    #[serde(default = "default_spread_over")]
    #[schemars(length(max = duration::MAX_LENGTH), regex(pattern = duration::PATTERN))]
    #[x_kube(validation = rule::duration("spec.rotation.spreadOver"))]
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
