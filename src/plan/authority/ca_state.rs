//! What a root Secret holds and what people provide, as decisions need it. Illegal states cannot be expressed: only what
//! was read and checked is a CA.

use jiff::Timestamp;

use super::distrust::DistrustReason;
use super::origin::Origin;
use super::retiring_root::RetiringRoot;
use crate::api::authority::Phase;
use crate::pki::Validity;

/// The root Secret, as a GET returned it after all evidence was gathered. `C` is the CA in it: with keys where it is
/// loaded, without them ([`CaState`]) where it is decided on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RootSecret<C = CaState> {
    /// There is none.
    Absent,
    /// It belongs to another authority, or is no root Secret: a sentence.
    NotOurs(String),
    /// It was made for another trust domain: a sentence.
    OtherTrustDomain(String),
    /// Its content cannot be used: a sentence.
    Invalid(String),
    /// Its signer was sound, and has expired.
    Expired(C),
    /// Its signer can sign.
    Sound(C),
}

impl<C> RootSecret<C> {
    /// The CA that it holds, expired or not.
    #[must_use]
    pub const fn held(&self) -> Option<&C> {
        match self {
            Self::Sound(ca) | Self::Expired(ca) => Some(ca),
            Self::Absent | Self::NotOurs(_) | Self::OtherTrustDomain(_) | Self::Invalid(_) => None,
        }
    }

    /// The CA that it holds, expired or not.
    #[must_use]
    pub fn into_held(self) -> Option<C> {
        match self {
            Self::Sound(ca) | Self::Expired(ca) => Some(ca),
            Self::Absent | Self::NotOurs(_) | Self::OtherTrustDomain(_) | Self::Invalid(_) => None,
        }
    }

    /// The same Secret with another form of its CA.
    #[must_use]
    pub fn map<D>(&self, form: impl FnOnce(&C) -> D) -> RootSecret<D> {
        match self {
            Self::Absent => RootSecret::Absent,
            Self::NotOurs(why) => RootSecret::NotOurs(why.clone()),
            Self::OtherTrustDomain(why) => RootSecret::OtherTrustDomain(why.clone()),
            Self::Invalid(why) => RootSecret::Invalid(why.clone()),
            Self::Expired(ca) => RootSecret::Expired(form(ca)),
            Self::Sound(ca) => RootSecret::Sound(form(ca)),
        }
    }
}

/// The CA state that a root Secret holds: its signer, the next root and the retiring ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaState {
    /// SHA-256 of the signing certificate, hex.
    pub fingerprint: String,
    /// Hash of its anchors.
    pub anchors: String,
    /// Validity.
    pub window: Validity,
    /// Where it came from.
    pub origin: Origin,
    /// Why it is distrusted, if it is.
    pub distrusted: Option<DistrustReason>,
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
    pub retiring: Vec<RetiringRoot>,
    /// Value of the annotation `rotate` that was answered last.
    pub rotate_request: Option<String>,
    /// Whether it holds the key of status proofs: a root Secret that version 0.1 wrote does not.
    pub has_evidence_key: bool,
}

impl CaState {
    /// Whether the signer, or the announced root, is a copy of exactly this CA that people provide.
    #[must_use]
    pub fn has_copy_of(&self, fingerprint: &str, anchors: &str) -> bool {
        let is_signer =
            self.origin.is_provided() && self.fingerprint == fingerprint && self.anchors == anchors;
        let next = self.next.as_ref().filter(|next| next.origin.is_provided());
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
    /// Where it came from.
    pub origin: Origin,
    /// Why it is distrusted, if it is.
    pub distrusted: Option<DistrustReason>,
    /// Whether the signer has certified it, so that a peer that trusts only the signer's root accepts its leaves.
    pub is_certified: bool,
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
