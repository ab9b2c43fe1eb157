//! What a decision is made from.
//!
//! Illegal states cannot be expressed: a Secret is absent, another object's, or held, and a held one has a leaf or a defect.

use jiff::Timestamp;

use super::leaf_rules::LeafFacts;
use super::policy::Entitlement;
use super::profile::ProfileHash;
use super::ready::Refusal;
use super::renewal::Renewal;
use super::spec::IdentitySpec;
use crate::pki::Validity;
use crate::plan::spread::slot;

pub use super::signer::{NotReady, RetiringSigner, Rollout, Signer};

/// One identity and everything that its certificate depends on.
#[derive(Clone, Debug)]
pub struct World<'a> {
    /// The spec of the identity.
    pub spec: &'a IdentitySpec,
    /// What the authority allows. `None` while there is no such authority.
    pub authorization: Option<Authorization>,
    /// The signer, or why there is none.
    pub signer: Result<Signer, NotReady>,
    /// The Secret.
    pub secret: SecretState,
    /// What status says of the time before.
    pub before: Before,
    /// From when on a refusal that a change of another object ends needs manual action: that change may be in the same commit.
    pub stalls_at: Timestamp,
}

/// What the status of an identity says of the time before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Before {
    /// Whether a leaf was issued.
    pub was_issued: bool,
    /// Whether this generation of the spec was checked and not refused.
    pub was_permitted: bool,
    /// Whether this generation of the spec has needed manual action already.
    pub was_stalled: bool,
}

impl World<'_> {
    /// Whether a refusal that a change of another object ends needs manual action by now.
    #[must_use]
    pub fn has_stalled(&self, now: Timestamp) -> bool {
        self.before.was_stalled || now >= self.stalls_at
    }
}

/// What an authority allows an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorization {
    /// What the identity may have.
    pub entitlement: Result<Entitlement, Refusal>,
    /// What it may keep though it is refused, where a part of the authority's spec cannot be read.
    pub retained: Option<Entitlement>,
    /// Hash of what it asks, with the authority's part.
    pub profile: ProfileHash,
}

impl Authorization {
    /// What a leaf of this identity may say: what it may have, else what it may keep.
    #[must_use]
    pub fn leaf(&self) -> Option<&Entitlement> {
        self.entitlement.as_ref().ok().or(self.retained.as_ref())
    }
}

/// The Secret of an identity, as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretState {
    /// There is none.
    Absent,
    /// It is not this identity's to write: a sentence that says whose it is.
    Foreign(String),
    /// It is this identity's.
    Held(OwnedSecret),
}

/// A Secret that belongs to the identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedSecret {
    /// Version that a write must name.
    pub version: String,
    /// Whether it carries this identity's uid; otherwise it was left by one of the same name.
    pub carries_uid: bool,
    /// The leaf, if it is sound.
    pub leaf: Result<StoredLeaf, LeafDefect>,
    /// Hash of what the leaf was asked to be. `None` where it is of another version or was removed.
    pub profile: Option<ProfileHash>,
    /// Whether the leaf itself has the names and the key that are spec.
    pub matches_profile: bool,
    /// Hash of the trust bundle in it.
    pub trust: Option<String>,
    /// Whether labels, annotations and owner are as they should be.
    pub metadata_is_current: bool,
    /// The renewal request that the leaf answers.
    pub renew_request: Option<String>,
}

/// A sound leaf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredLeaf {
    /// Serial number, hex.
    pub serial: String,
    /// Validity.
    pub window: Validity,
    /// Key identifier of its signer, hex.
    pub key_id: String,
    /// Moment of issuance.
    pub issued_at: Timestamp,
}

impl StoredLeaf {
    /// When this leaf is to be renewed.
    #[must_use]
    pub fn renewal_time(&self, spec: &IdentitySpec) -> Timestamp {
        Renewal {
            issued_at: self.issued_at,
            not_after: self.window.not_after,
            renew_before: spec.renew_before,
            uid: &spec.uid,
            serial: &self.serial,
        }
        .time()
    }

    /// What the rules on leaves need to know of it.
    #[must_use]
    pub fn facts(&self, spec: &IdentitySpec) -> LeafFacts<'_, String> {
        LeafFacts {
            key_id: Some(&self.key_id),
            not_after: Some(self.window.not_after.as_second()),
            renewal: Some(self.renewal_time(spec).as_second()),
            slot: slot(&spec.uid),
            is_paused: spec.paused,
        }
    }
}

/// What is wrong with the content of a held Secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LeafDefect {
    /// No certificate can be read.
    CertificateUnreadable,
    /// No private key can be read.
    KeyUnreadable,
    /// The key is another one than the leaf's.
    KeyMismatch,
    /// The leaf does not chain to the trust bundle in force.
    Untrusted,
    /// The leaf breaks the profile in another way.
    Unsound,
    /// The leaf is valid later: it was issued by a clock that was ahead. Peers refuse it until then.
    NotYetValid,
}
