//! A root that signs no more and is still trusted, as the annotation `retiring` of a root Secret holds it.
//!
//! The names of the fields are a stored form: they do not change.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::distrust::DistrustReason;

/// A root that signs no more and is still trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RetiringRoot {
    /// SHA-256 of its signing certificate, hex.
    pub fingerprint: String,
    /// Key identifier of the signer of its leaves, hex.
    #[serde(rename = "keyID")]
    pub key_id: String,
    /// SHA-256 of its signing certificate, of those above it and of its root, hex. Version 0.1 did not record it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<String>,
    /// SHA-256 of its anchors, hex: its root, and what the user has put beside it.
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
    /// Why it is distrusted, if it is. Derived from the spec at each load, never stored.
    #[serde(skip)]
    pub distrusted: Option<DistrustReason>,
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
