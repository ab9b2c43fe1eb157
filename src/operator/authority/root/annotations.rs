//! The annotation `former-key-ids` of a root Secret: signers that were replaced and whose leaves may still be valid.
//!
//! The names of the fields are a stored form: they do not change.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::plan::authority::distrust::DistrustReason;
use crate::plan::authority::retiring_root::Intermediate;

/// A replaced signer, and the last moment at which a leaf of it can be valid.
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
    /// The intermediate that signed, if one did: peers verify with it. It may be distrusted after it was replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intermediate: Option<Intermediate>,
}

impl FormerKey {
    /// A replaced signer that is not distrusted.
    #[must_use]
    pub const fn new(key_id: String, until: Timestamp) -> Self {
        Self { key_id, until, distrusted: false, taken: None, intermediate: None }
    }

    /// The same, distrusted for this reason, if there is one; with its certificates where another CA is the reason.
    #[must_use]
    pub fn distrusted(self, why: Option<&DistrustReason>, fingerprints: Vec<String>) -> Self {
        let Some(why) = why else { return self };
        let taken = (*why != DistrustReason::Named).then(|| Taken { fingerprints, because: why.sentence() });
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
