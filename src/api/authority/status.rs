//! What an authority is seen to be.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the operator last saw and did.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct MtlsAuthorityStatus {
    /// The generation of the spec that this status speaks of; -1 until the operator has seen the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`, `Rotating`, `Published` where the trust bundle is to be published, and `Stalled` while a person must act.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".to_string()]))]
    pub conditions: Vec<Condition>,
    /// Phase of the root's rotation, as it was last known.
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
