//! What an authority is seen to be.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the operator last saw and did.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct MtlsAuthorityStatus {
    /// The generation of the spec that this status describes; -1 until the operator has seen the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready and Rotating always; Published where the trust bundle is to be published; Stalled while manual action is needed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".to_string()]))]
    pub conditions: Vec<Condition>,
    /// The rotation of the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotation: Option<RotationStatus>,
    /// The certificates that sign or are trusted, the signing one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub roots: Vec<RootStatus>,
    /// CAs that were distrusted with one of spec.distrustedRoots, and that it does not name yet. They are treated as if it did:
    /// name them there, so that no restored backup of this object brings them back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["fingerprint".to_string()]))]
    pub distrusted: Vec<DistrustedStatus>,
    /// SHA-256 of the key in the root Secret that proofs of identities' statuses are made with, in lower-case hex. While it
    /// is set, a root Secret with another key or none is not the one that the operator wrote.
    #[serde(default, rename = "evidenceKeyID", skip_serializing_if = "Option::is_none")]
    pub evidence_key_id: Option<String>,
    /// Number of identities of this authority, by the reason of their condition Ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identities: Option<IdentityCounts>,
}

impl MtlsAuthorityStatus {
    /// Phase of the rotation, where this version knows the word.
    #[must_use]
    pub fn phase(&self) -> Option<Phase> {
        Phase::parse(self.rotation.as_ref()?.phase.as_deref()?)
    }

    /// The rotation request that was answered last.
    #[must_use]
    pub fn last_handled_rotate(&self) -> Option<&str> {
        self.rotation.as_ref()?.last_handled_rotate.as_deref()
    }

    /// The root that signs, as it was last known.
    #[must_use]
    pub fn signing_root(&self) -> Option<&RootStatus> {
        self.roots.iter().find(|root| root.role == RootRole::Signing.as_str())
    }

    /// What the rotation waits for of this kind.
    #[must_use]
    pub fn waiting_for(&self, kind: WaitingKind) -> Option<&WaitingFor> {
        self.rotation.as_ref()?.waiting_for.iter().find(|waiting| waiting.kind == kind.as_str())
    }
}

/// The rotation of an authority's root.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct RotationStatus {
    /// Stable: one root signs and is trusted. Announced: the next root is trusted and does not sign yet. Draining: the new
    /// root signs, and the former one is trusted until its last certificate has expired. As it was last known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// When the phase began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase_time: Option<Time>,
    /// What the rotation waits for, by kind. Absent where it waits for nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["kind".to_string()]))]
    pub waiting_for: Vec<WaitingFor>,
    /// Identities and trust bundles that are behind but excluded by the annotation mtls-operator.dev/rotation-exclude.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub excluded: Vec<String>,
    /// The value of the annotation mtls-operator.dev/rotate that was answered last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_rotate: Option<String>,
}

/// Objects of one kind that a rotation waits for.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct WaitingFor {
    /// Identity: an identity whose Secret does not carry every root yet, or still holds a certificate of a retiring one.
    /// TrustBundle: a published trust bundle that does not hold every root yet. Endpoint: an endpoint of spec.probes that
    /// was not seen to trust the announced root yet.
    pub kind: String,
    /// How many there are.
    #[serde(default)]
    pub count: i64,
    /// The first ten of them. Identity: <namespace>/<name>. TrustBundle: configmap/<namespace>/<name> or
    /// clustertrustbundle/<name>. Endpoint: <namespace>/<identity> <address>.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub first: Vec<String>,
}

/// Kinds of what a rotation waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitingKind {
    /// An identity.
    Identity,
    /// A published trust bundle.
    TrustBundle,
    /// An endpoint that is probed.
    Endpoint,
}

impl WaitingKind {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "Identity",
            Self::TrustBundle => "TrustBundle",
            Self::Endpoint => "Endpoint",
        }
    }
}

/// Phase of a root's rotation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
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
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(default, rename_all = "camelCase")]
pub struct RootStatus {
    /// SHA-256 fingerprint of the certificate, in lower-case hex.
    pub fingerprint: String,
    /// Subject key identifier, in lower-case hex.
    #[serde(rename = "keyID")]
    pub key_id: String,
    /// Signing: it signs certificates. Next: it is trusted, and will sign. Retiring: it signs no more, and is trusted until
    /// its last certificate has expired.
    pub role: String,
    /// Start of its validity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Time>,
    /// End of its validity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Time>,
    /// Number of unexpired certificates in force that it signed.
    pub leaves: i64,
    /// SHA-256 fingerprints of the CAs that it has certified, in lower-case hex: if one of them is distrusted, so is this root.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub certified: Vec<String>,
}

/// A CA that was distrusted with another one.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct DistrustedStatus {
    /// SHA-256 fingerprint of its certificate, in lower-case hex.
    pub fingerprint: String,
    /// Why: a sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub because: String,
}

/// What a root does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootRole {
    /// It signs leaf certificates.
    Signing,
    /// It is trusted, and will sign.
    Next,
    /// It has signed, and is trusted until its last leaf is gone.
    Retiring,
}

impl RootRole {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Signing => "Signing",
            Self::Next => "Next",
            Self::Retiring => "Retiring",
        }
    }
}

/// Number of identities, by the reason of their condition Ready.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(default, rename_all = "camelCase")]
pub struct IdentityCounts {
    /// All of them.
    pub total: i64,
    /// Those with the reason Issued.
    pub issued: i64,
    /// Those with the reason Issuing, or not yet looked at.
    pub issuing: i64,
    /// Those with the reason Paused.
    pub paused: i64,
    /// Those with the reason AuthorityNotReady.
    pub authority_not_ready: i64,
    /// Those with the reason NotPermitted.
    pub not_permitted: i64,
    /// Those with the reason Invalid.
    pub invalid: i64,
    /// Those with the reason SecretConflict.
    pub secret_conflict: i64,
    /// Those with the reason Expired.
    pub expired: i64,
}
