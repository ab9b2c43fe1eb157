//! What a root Secret holds and what people provide, as decisions need it. Illegal states cannot be expressed: only what
//! was read and checked is a root.

use jiff::Timestamp;

use super::distrust::Why;
use crate::api::authority::Phase;
use crate::pki::Validity;

/// The root Secret, as it was found by a GET after all evidence was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RootSecret {
    /// There is none.
    Absent,
    /// It belongs to another authority, or is no root Secret: a sentence.
    NotOurs(String),
    /// It was made for another trust domain: a sentence.
    OtherTrustDomain(String),
    /// Its content cannot be used: a sentence.
    Invalid(String),
    /// Its signer was sound, and has expired.
    Expired(CaState),
    /// It can sign.
    Sound(CaState),
}

impl RootSecret {
    /// What it holds, where its signer is sound or was until it expired.
    #[must_use]
    pub const fn stored(&self) -> Option<&CaState> {
        match self {
            Self::Sound(root) | Self::Expired(root) => Some(root),
            _ => None,
        }
    }
}

/// What a root Secret holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaState {
    /// Version that a write must name.
    pub version: String,
    /// SHA-256 of the signing certificate, hex.
    pub fingerprint: String,
    /// Hash of its anchors.
    pub anchors: String,
    /// Validity.
    pub window: Validity,
    /// Whether people provided it.
    pub is_provided: bool,
    /// Why it is distrusted, if it is.
    pub distrusted: Option<Why>,
    /// A distrusted intermediate below a root that is still trusted: its fingerprint, and until when peers accept it.
    pub accepted_intermediate: Option<(String, Timestamp)>,
    /// Whether a cross-certificate of the root before it is served.
    pub is_certified: bool,
    /// The largest lifetime that leaves of this root may have, in seconds, as it was recorded before use.
    pub max_leaf_ttl: i64,
    /// Phase of the rotation.
    pub phase: Phase,
    /// When the phase began.
    pub since: Timestamp,
    /// The announced root.
    pub next: Option<NextCa>,
    /// Roots that sign no more and are still trusted.
    pub retiring: Vec<StoredRetiring>,
    /// Value of the annotation `rotate` that was answered last.
    pub rotate_request: Option<String>,
    /// Whether it holds what proofs of statuses are made with: one that was written by an older version does not.
    pub has_evidence_key: bool,
}

impl CaState {
    /// Whether the signer, or the announced root, is a copy of exactly this CA that people provide.
    #[must_use]
    pub fn has_copy_of(&self, fingerprint: &str, anchors: &str) -> bool {
        let is_signer = self.is_provided && self.fingerprint == fingerprint && self.anchors == anchors;
        let next = self.next.as_ref().filter(|next| next.is_provided);
        is_signer || next.is_some_and(|next| next.fingerprint == fingerprint && next.anchors == anchors)
    }
}

/// A root that is announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextCa {
    /// SHA-256 of its signing certificate, hex.
    pub fingerprint: String,
    /// Hash of its anchors.
    pub anchors: String,
    /// Whether people provided it.
    pub is_provided: bool,
    /// Why it is distrusted, if it is.
    pub distrusted: Option<Why>,
    /// Whether the signer has certified it, so that whoever trusts only the signer's root accepts its leaves.
    pub is_certified: bool,
}

/// A root that signs no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRetiring {
    /// SHA-256 of its signing certificate, hex.
    pub fingerprint: String,
    /// Why it is distrusted, if it is.
    pub distrusted: Option<Why>,
    /// Until when it must stay trusted.
    pub until: Timestamp,
}

/// What people provide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Provided {
    /// Nothing: the root is generated.
    NotAsked,
    /// A Secret that does not exist: a sentence.
    Missing(String),
    /// A Secret that cannot be used: a sentence.
    Invalid(String),
    /// A CA that can sign.
    Sound {
        /// SHA-256 of the signing certificate, hex.
        fingerprint: String,
        /// Hash of its anchors.
        anchors: String,
    },
}
