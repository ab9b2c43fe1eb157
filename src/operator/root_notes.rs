//! What annotations of a root Secret say: where a signer came from, which are retiring, and whose leaves may be left.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::plan::distrust::Why;

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
    /// Where it was distrusted with another CA: which certificates, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken: Option<Taken>,
    /// Where a distrusted intermediate signed: what peers go by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intermediate: Option<Intermediate>,
}

impl FormerKey {
    /// One whose leaves are known, and nothing else.
    #[must_use]
    pub const fn of(key_id: String, until: Timestamp) -> Self {
        Self { key_id, until, distrusted: false, taken: None, intermediate: None }
    }

    /// The same, distrusted for this reason, if there is one: with its certificates and, where an intermediate signed, what is
    /// above it.
    #[must_use]
    pub fn distrusted(
        self,
        why: Option<&Why>,
        fingerprints: Vec<String>,
        intermediate: Option<Intermediate>,
    ) -> Self {
        let Some(why) = why else { return self };
        let is_named = *why == Why::Named;
        Self {
            distrusted: true,
            taken: (!is_named).then(|| Taken { fingerprints, because: why.sentence() }),
            intermediate: intermediate.filter(|_| is_named),
            ..self
        }
    }

    /// Whether it is still needed: a leaf of it can be valid, or peers accept what it signs.
    #[must_use]
    pub fn is_needed_at(&self, now: Timestamp) -> bool {
        self.until >= now || self.intermediate.as_ref().is_some_and(|below| below.not_after >= now)
    }
}

/// A CA that was distrusted with another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// SHA-256 of its certificates, hex.
    pub fingerprints: Vec<String>,
    /// Why: a sentence.
    pub because: String,
}

/// An intermediate that is distrusted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Intermediate {
    /// SHA-256 of its certificate, hex.
    pub fingerprint: String,
    /// SHA-256 of the roots above it, hex.
    pub anchors: Vec<String>,
    /// End of its validity.
    pub not_after: Timestamp,
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
    /// SHA-256 of the certificates of every CA that it has certified, hex. Version 0.1 did not record it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certified: Option<Vec<String>>,
}
