//! The signing certificate in force, and what Secrets follow because of it.
//!
//! Generic over the id: a world has key identifiers and hashes as text, the index has 64-bit digests of them. Decisions only
//! compare ids, so the same rules hold for both.

use jiff::Timestamp;

use crate::pki::Validity;
use crate::plan::spread::RolloutWindow;

/// Why an authority cannot sign: a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotReady(pub String);

/// The signing certificate, as far as decisions need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer<Id = String, Halt = NotReady> {
    /// Subject key identifier, hex.
    pub key_id: Id,
    /// Validity.
    pub window: Validity,
    /// Hash of the trust bundle in force.
    pub trust: Id,
    /// What a rotation has changed last.
    pub rotation: Rollout<Id>,
    /// Why it signs nothing for the time being, though Secrets follow it.
    pub halted: Option<Halt>,
}

/// What Secrets have to follow, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollout<Id = String> {
    /// Whether the next root is announced, and waits until every counted Secret carries it.
    pub is_announced: bool,
    /// The signers that are retiring: their leaves are to be replaced.
    pub retiring: Vec<RetiringSigner<Id>>,
    /// Hash of the trust bundle before the last change of it: a Secret that holds it waits for its slot.
    pub former_trust: Option<Id>,
    /// The window in which Secrets follow. `None` while nothing was ever rotated.
    pub window: Option<RolloutWindow>,
    /// Key identifiers of signers that are distrusted, hex: their leaves are replaced at once.
    pub distrusted: Vec<Id>,
    /// Key identifiers of all signers whose leaves can be valid, this one among them, hex.
    pub known: Vec<Id>,
    /// Key identifier of the announced root, hex: it has signed nothing yet.
    pub next: Option<Id>,
}

/// A signer that signs no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetiringSigner<Id = String> {
    /// Key identifier, hex.
    pub key_id: Id,
    /// Until when a leaf of it can be valid.
    pub until: Timestamp,
}

impl<Id> Default for Rollout<Id> {
    fn default() -> Self {
        Self {
            is_announced: false,
            retiring: Vec::new(),
            former_trust: None,
            window: None,
            distrusted: Vec::new(),
            known: Vec::new(),
            next: None,
        }
    }
}

impl<Id> Rollout<Id> {
    /// Whether a leaf with this key identifier can have been signed under the root Secret as it is.
    #[must_use]
    pub fn is_known<T: ?Sized>(&self, key_id: &T) -> bool
    where
        Id: PartialEq<T>,
    {
        self.known.iter().any(|known| known == key_id)
    }

    /// Whether leaves of the signer with this key identifier are replaced at once.
    #[must_use]
    pub fn is_distrusted<T: ?Sized>(&self, key_id: &T) -> bool
    where
        Id: PartialEq<T>,
    {
        self.distrusted.iter().any(|distrusted| distrusted == key_id)
    }

    /// Until when a leaf with this key identifier can be valid, if its signer is retiring.
    #[must_use]
    pub fn retiring_until<T: ?Sized>(&self, key_id: &T) -> Option<Timestamp>
    where
        Id: PartialEq<T>,
    {
        let signers = self.retiring.iter().filter(|signer| signer.key_id == *key_id);
        signers.map(|signer| signer.until).max()
    }
}

impl<Id, Halt> Signer<Id, Halt> {
    /// The same with another form of ids and of the sentence.
    #[must_use]
    pub fn map<To, Why>(&self, id: impl Fn(&Id) -> To, halt: impl Fn(&Halt) -> Why) -> Signer<To, Why> {
        Signer {
            key_id: id(&self.key_id),
            window: self.window,
            trust: id(&self.trust),
            rotation: self.rotation.map(&id),
            halted: self.halted.as_ref().map(halt),
        }
    }
}

impl<Id> Rollout<Id> {
    fn map<To>(&self, id: impl Fn(&Id) -> To) -> Rollout<To> {
        let retiring =
            |signer: &RetiringSigner<Id>| RetiringSigner { key_id: id(&signer.key_id), until: signer.until };
        Rollout {
            is_announced: self.is_announced,
            retiring: self.retiring.iter().map(retiring).collect(),
            former_trust: self.former_trust.as_ref().map(&id),
            window: self.window,
            distrusted: self.distrusted.iter().map(&id).collect(),
            known: self.known.iter().map(&id).collect(),
            next: self.next.as_ref().map(&id),
        }
    }
}
