//! What annotations of a root Secret say: where a signer came from, which are retiring, and whose leaves may be left.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::pki::Fingerprint;

/// Where a signer came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The operator made it.
    Generated,
    /// People provided it.
    Provided,
}

impl Origin {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Generated => "generated",
            Self::Provided => "provided",
        }
    }
}

/// A signer that was replaced, and the last moment at which a leaf of it can be valid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FormerKey {
    /// Key identifier, hex.
    #[serde(rename = "keyID")]
    pub key_id: String,
    /// The moment.
    pub until: Timestamp,
    /// Whether its leaves are to be replaced at once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub distrusted: bool,
}

/// A root that signs no more and is still trusted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Retiring {
    /// SHA-256 of its signing certificate, hex.
    pub fingerprint: String,
    /// Key identifier of its leaves' signer, hex.
    #[serde(rename = "keyID")]
    pub key_id: String,
    /// SHA-256 of its anchors, hex.
    pub anchors: Vec<String>,
    /// Start of its validity.
    pub not_before: Timestamp,
    /// End of its validity.
    pub not_after: Timestamp,
    /// Until when it must stay trusted.
    pub until: Timestamp,
}

impl Retiring {
    /// Whether it is one of these, or below one of them.
    #[must_use]
    pub fn is_any_of(&self, fingerprints: &[Fingerprint]) -> bool {
        fingerprints
            .iter()
            .map(ToString::to_string)
            .any(|found| found == self.fingerprint || self.anchors.contains(&found))
    }
}
