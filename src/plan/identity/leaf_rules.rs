//! The rules by which a leaf and a trust bundle are replaced, each written once.
//!
//! Asked by [`decide`](super::decide) with what was observed, and by the scheduler with what the index remembers. Both get the
//! same answer from the same facts, so that an identity is reconciled exactly when a decision would change something.

use super::profile::ProfileHash;
use super::signer::Signer;
use crate::plan::spread::Due;

/// What the rules need to know of a leaf and of its identity.
#[derive(Clone, Copy, Debug)]
pub struct LeafFacts<'a, Id> {
    /// Key identifier of the signer, where it is known.
    pub key_id: Option<&'a Id>,
    /// End of validity, seconds since 1970.
    pub not_after: Option<i64>,
    /// When it is renewed unless something keeps it from that, seconds since 1970.
    pub renewal: Option<i64>,
    /// Where in the window of a rotation's step the identity has its slot.
    pub slot: u16,
    /// Whether issuance is stopped.
    pub is_paused: bool,
}

impl<Id> LeafFacts<'_, Id> {
    /// There is no leaf that will be renewed.
    #[must_use]
    pub const fn without_leaf(slot: u16) -> Self {
        Self { key_id: None, not_after: None, renewal: None, slot, is_paused: false }
    }
}

impl<Id: PartialEq> LeafFacts<'_, Id> {
    /// Whether the leaf lives as long as its signer. Renewal by the same signer could give no later end, and the leaf would be due
    /// again at once, for ever.
    #[must_use]
    pub fn ends_with<H>(&self, signer: &Signer<Id, H>) -> bool {
        let end = signer.window.not_after.as_second();
        self.key_id == Some(&signer.key_id) && self.not_after.is_some_and(|not_after| not_after >= end)
    }

    /// Whether the leaf in force will be renewed: never while paused, and never by a signer that could give no later end.
    #[must_use]
    pub fn is_renewed<H>(&self, signer: Option<&Signer<Id, H>>) -> bool {
        !self.is_paused && !signer.is_some_and(|signer| self.ends_with(signer))
    }

    /// Whether the signer of the leaf is distrusted.
    #[must_use]
    pub fn is_distrusted<H>(&self, signer: &Signer<Id, H>) -> bool {
        self.key_id.is_some_and(|key_id| signer.rotation.is_distrusted(key_id))
    }

    /// When the leaf is replaced because its signer is retiring, if it is.
    #[must_use]
    pub fn replacement_due<H>(&self, signer: &Signer<Id, H>) -> Option<Due> {
        signer.rotation.retiring_until(self.key_id?)?;
        Some(self.in_window(signer))
    }

    /// When the Secret is given the trust bundle in force, if it holds another: the former one in its slot, what never was in
    /// force at once.
    #[must_use]
    pub fn trust_due<H>(&self, trust: Option<&Id>, signer: &Signer<Id, H>) -> Option<Due> {
        if trust == Some(&signer.trust) {
            return None;
        }
        let is_former = trust.is_some() && trust == signer.rotation.former_trust.as_ref();
        Some(if is_former { self.in_window(signer) } else { Due::AtOnce })
    }

    /// When the Secret follows the last change: at once where nothing says in which window.
    fn in_window<H>(&self, signer: &Signer<Id, H>) -> Due {
        let renewal = self.renewal.filter(|_| self.is_renewed(Some(signer)));
        signer.rotation.window.map_or(Due::AtOnce, |window| Due::At(window.due_at(self.slot, renewal)))
    }
}

/// Whether the annotation `renew` requests a renewal that no leaf has answered.
#[must_use]
pub fn is_renewal_requested<Id: PartialEq>(request: Option<&Id>, answered: Option<&Id>) -> bool {
    request.is_some() && request != answered
}

/// Whether the leaf was made for another profile than is asked. Where one of the two is unknown, nothing says so.
#[must_use]
pub fn is_other_profile(wanted: Option<ProfileHash>, noted: Option<ProfileHash>) -> bool {
    wanted.zip(noted).is_some_and(|(wanted, noted)| wanted != noted)
}
