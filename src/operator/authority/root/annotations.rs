//! What annotations of a root Secret say: where a signer came from, which are retiring, and whose leaves may be left.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::plan::authority::distrust::Why;

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
    /// Where an intermediate signed: what peers go by. It may be distrusted after it was replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intermediate: Option<Intermediate>,
}

impl FormerKey {
    /// One whose leaves are known, and nothing else.
    #[must_use]
    pub const fn of(key_id: String, until: Timestamp) -> Self {
        Self { key_id, until, distrusted: false, taken: None, intermediate: None }
    }

    /// The same, distrusted for this reason, if there is one; with its certificates where another CA is the reason.
    #[must_use]
    pub fn distrusted(self, why: Option<&Why>, fingerprints: Vec<String>) -> Self {
        let Some(why) = why else { return self };
        let taken = (*why != Why::Named).then(|| Taken { fingerprints, because: why.sentence() });
        Self { distrusted: true, taken, ..self }
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

/// An intermediate that has signed.
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
pub struct RetiringRoot {
    /// SHA-256 of its signing certificate, hex.
    pub fingerprint: String,
    /// Key identifier of its leaves' signer, hex.
    #[serde(rename = "keyID")]
    pub key_id: String,
    /// SHA-256 of its signing certificate, of those above it and of its root, hex. Version 0.1 did not record it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<String>,
    /// SHA-256 of its anchors, hex: its root, and what people have put beside it.
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

impl RetiringRoot {
    /// SHA-256 of its certificates, hex.
    #[must_use]
    pub fn certificates(&self) -> Vec<String> {
        if !self.chain.is_empty() {
            return self.chain.clone();
        }
        let mut all = vec![self.fingerprint.clone()];
        all.extend(self.anchors.iter().filter(|anchor| **anchor != self.fingerprint).cloned());
        all
    }

    /// The intermediate that has signed, if one has.
    #[must_use]
    pub fn intermediate(&self) -> Option<Intermediate> {
        let is_root = self.anchors.contains(&self.fingerprint);
        (!is_root).then(|| Intermediate {
            fingerprint: self.fingerprint.clone(),
            anchors: self.certificates().into_iter().filter(|found| self.anchors.contains(found)).collect(),
            not_after: self.not_after,
        })
    }
}
