//! What a decision is made from. Illegal states cannot be expressed: a Secret is absent, somebody else's, or held,
//! and a held one has a leaf or a damage.

use jiff::Timestamp;

use super::policy::Entitlement;
use super::profile::ProfileHash;
use super::ready::Refusal;
use super::renewal::Renewal;
use super::spec::IdentitySpec;
use crate::pki::Validity;
use crate::plan::spread::{Step, fraction, turn};

/// One identity and everything that its certificate depends on.
#[derive(Clone, Debug)]
pub struct World<'a> {
    /// What the identity asks.
    pub asked: &'a IdentitySpec,
    /// What the authority allows. `None` while there is no such authority.
    pub terms: Option<Authorization>,
    /// Who signs, or why nobody does.
    pub signer: Result<Signer, NotReady>,
    /// The Secret.
    pub secret: SecretState,
    /// What status says of the time before.
    pub before: Before,
    /// From when on a refusal that another object can cure needs a person: it may come with the same change.
    pub stalls_at: Timestamp,
}

/// What the status of an identity says of the time before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Before {
    /// Whether a leaf was issued.
    pub was_issued: bool,
    /// Whether this generation of the spec was judged and not refused.
    pub was_permitted: bool,
    /// Whether this generation of the spec has needed a person already.
    pub was_stalled: bool,
}

impl World<'_> {
    /// Whether a refusal that another object can cure needs a person by now.
    #[must_use]
    pub fn has_stalled(&self, now: Timestamp) -> bool {
        self.before.was_stalled || now >= self.stalls_at
    }
}

/// What an authority's terms make of an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorization {
    /// What the identity may have.
    pub entitlement: Result<Entitlement, Refusal>,
    /// What it may keep though it is refused, where a part of the terms cannot be read.
    pub retained: Option<Entitlement>,
    /// Hash of what it asks, under these terms.
    pub profile: ProfileHash,
}

impl Authorization {
    /// What a leaf of this identity may say: what it may have, else what it may keep.
    #[must_use]
    pub fn leaf(&self) -> Option<&Entitlement> {
        self.entitlement.as_ref().ok().or(self.retained.as_ref())
    }
}

/// The signing certificate, as far as decisions need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// Subject key identifier, hex.
    pub key_id: String,
    /// Validity.
    pub window: Validity,
    /// Hash of the trust bundle in force.
    pub trust: String,
    /// What a rotation has changed last.
    pub rotation: Rollout,
    /// Why it signs nothing for the time being, though Secrets follow it.
    pub halted: Option<NotReady>,
}

/// What Secrets have to follow, and when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rollout {
    /// Whether the next root is announced, and waits until everybody trusts it.
    pub is_announced: bool,
    /// The signers that are retiring: their leaves are to be replaced.
    pub retiring: Vec<RetiringSigner>,
    /// Hash of the trust bundle before the last change of it: a Secret that holds it waits for its turn.
    pub former_trust: Option<String>,
    /// The window in which Secrets follow. `None` while nothing was ever rotated.
    pub step: Option<Step>,
    /// Key identifiers of signers that are distrusted, hex: their leaves are replaced at once.
    pub distrusted: Vec<String>,
    /// Key identifiers of all signers whose leaves can be valid, this one among them, hex.
    pub known: Vec<String>,
    /// Key identifier of the announced root, hex: it has signed nothing yet.
    pub next: Option<String>,
}

/// A signer that signs no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetiringSigner {
    /// Key identifier, hex.
    pub key_id: String,
    /// Until when a leaf of it can be valid.
    pub until: Timestamp,
}

impl Rollout {
    /// Whether a leaf with this key identifier can have been signed under the root Secret as it is.
    #[must_use]
    pub fn is_known(&self, key_id: &str) -> bool {
        self.known.iter().any(|known| known == key_id)
    }

    /// Whether the signer with this key identifier is retiring.
    #[must_use]
    pub fn is_retiring(&self, key_id: &str) -> bool {
        self.retiring.iter().any(|signer| signer.key_id == key_id)
    }

    /// When a Secret follows, in seconds since 1970; `renewal` is when its leaf is renewed, if it is.
    #[must_use]
    pub fn turn(&self, uid: &str, renewal: Option<Timestamp>) -> i64 {
        let renewal = renewal.map(Timestamp::as_second);
        self.step.map_or(i64::MIN, |step| turn(step, fraction(uid), renewal))
    }
}

/// Why an authority cannot sign: a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotReady(pub String);

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
    pub mine: bool,
    /// The leaf, if it is sound.
    pub leaf: Result<StoredLeaf, LeafDefect>,
    /// Hash of what the leaf was asked to be. `None` where it is of another version or was removed.
    pub profile: Option<ProfileHash>,
    /// Whether the leaf itself has the names and the key that are asked.
    pub fits: bool,
    /// Hash of the trust bundle that lies in it.
    pub trust: Option<String>,
    /// Whether labels, annotations and owner are as they should be.
    pub dressed: bool,
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
    pub fn renewal_time(&self, asked: &IdentitySpec) -> Timestamp {
        Renewal {
            issued_at: self.issued_at,
            not_after: self.window.not_after,
            renew_before: asked.renew_before,
            uid: &asked.uid,
            serial: &self.serial,
        }
        .time()
    }

    /// Whether it lives as long as its signer, so that the same signer could give no later end.
    #[must_use]
    pub fn ends_with(&self, signer: &Signer) -> bool {
        self.key_id == signer.key_id && self.window.not_after >= signer.window.not_after
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
