//! Laws of requeues in a step of a rotation: each identity follows in its own second, with its renewal or in its slot,
//! and is not reconciled before.

use mtls_operator::operator::index::digest::digest;
use mtls_operator::operator::index::identity::{IdentityEntry, ParsedIdentity};
use mtls_operator::operator::index::issuer::{AuthorityEntry, IssuerEntry, RetiringEntry};
use mtls_operator::operator::index::leaf_secret::SecretEntry;
use mtls_operator::operator::scheduler::requeue::{Priority, Requeue, next_reconcile};
use mtls_operator::operator::scheduler::requeue_inputs::RequeueInputs;
use mtls_operator::plan::identity::policy::Permission;
use mtls_operator::plan::identity::profile::AuthoritySpecHash;
use mtls_operator::plan::identity::ready::ReadyReason;
use mtls_operator::plan::spread::RolloutWindow;

use super::fixture::{DAY, HOUR, NOW, terms};
use super::requeue::{END, RENEWAL, issued, issuer_entry, secret};

/// An identity with its Secret in a step that ends before its renewal, and whose slot is the middle of it.
struct Follower {
    entry: IdentityEntry,
    secret: SecretEntry,
    signer: IssuerEntry,
    is_permitted: bool,
}

/// The second of its slot.
const SLOT: i64 = 1_780_000_000 + 6 * 3600;
const LATER: Requeue = Requeue::Now(Priority::Background);

impl Follower {
    fn of(signer: IssuerEntry) -> Self {
        let mut entry = ParsedIdentity::from(&issued("web")).entry;
        entry.slot = 32_768;
        Self { entry, secret: secret("web"), signer, is_permitted: true }
    }

    /// Its Secret holds the bundle that was in force until the step began.
    fn of_new_trust() -> Self {
        let mut follower = Self::of(in_step());
        follower.signer.rotation.former_trust = Some(digest("t0"));
        follower.secret.trust = Some(digest("t0"));
        follower
    }

    /// Its leaf is one of a signer that is retiring.
    fn of_new_leaf() -> Self {
        let mut follower = Self::of(IssuerEntry { key_id: digest("a2"), ..in_step() });
        follower.signer.rotation.retiring =
            vec![RetiringEntry { key_id: digest("a1"), until: NOW + DAY * 8 }];
        follower
    }

    fn changed(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn at(&self, now: i64) -> Requeue {
        let authority = AuthorityEntry {
            epoch: 1,
            profile: AuthoritySpecHash::of(&terms()),
            signer: Some(self.signer.clone()),
        };
        let permission = Some(if self.is_permitted { Permission::Granted } else { Permission::Refused });
        let stalls_at = NOW.as_second();
        let around = RequeueInputs {
            secret: Some(&self.secret),
            authority: Some(&authority),
            permission,
            stalls_at,
            now,
        };
        next_reconcile(&self.entry, around)
    }

    /// Asserts that it waits for its slot, and follows in that very second.
    fn assert_follows_in_slot(&self, what: &str) {
        let seconds = [NOW.as_second(), SLOT - 1, SLOT, SLOT + 1].map(|now| self.at(now));
        assert_eq!(seconds, [Requeue::At(SLOT), Requeue::At(SLOT), LATER, LATER], "{what}");
    }
}

fn in_step() -> IssuerEntry {
    let mut entry = issuer_entry();
    entry.rotation.window = Some(RolloutWindow { began: NOW, ends: NOW + HOUR * 12 });
    entry
}

/// The step ends with the renewal: that is inside the window.
fn until_renewal(follower: &mut Follower) {
    let ends = jiff::Timestamp::from_second(RENEWAL).unwrap();
    follower.signer.rotation.window = Some(RolloutWindow { began: NOW, ends });
}

#[test]
fn another_bundle_is_taken_over_in_the_second_of_the_slot() {
    Follower::of_new_trust().assert_follows_in_slot("a settled one");
    Follower::of_new_trust().changed(|f| f.entry.is_paused = true).assert_follows_in_slot("a paused one");
    for reason in [ReadyReason::NotPermitted, ReadyReason::Invalid] {
        let refused = Follower::of_new_trust().changed(|f| {
            f.entry.recorded.reason = Some(reason);
            f.entry.recorded.is_ready = false;
            f.entry.recorded.is_stalled = true;
            f.is_permitted = false;
        });
        refused.assert_follows_in_slot("a refused one");
    }
}

#[test]
fn a_leaf_of_a_retiring_signer_is_replaced_in_the_second_of_the_slot() {
    Follower::of_new_leaf().assert_follows_in_slot("a settled one");
    let paused = Follower::of_new_leaf().changed(|f| f.entry.is_paused = true);
    assert_eq!(paused.at(SLOT + 1), Requeue::At(END + 1), "it keeps its leaf");
}

#[test]
fn a_renewal_inside_the_step_carries_it_and_the_slot_is_nothing() {
    let slot = i64::midpoint(NOW.as_second(), RENEWAL);
    for follower in [Follower::of_new_trust(), Follower::of_new_leaf()] {
        let follower = follower.changed(until_renewal);
        for now in [slot, RENEWAL - 1] {
            assert_eq!(follower.at(now), Requeue::At(RENEWAL), "not twice");
        }
        assert_eq!(follower.at(RENEWAL), Requeue::Now(Priority::Due));
    }
    let paused = Follower::of_new_trust().changed(until_renewal).changed(|f| f.entry.is_paused = true);
    assert_eq!((paused.at(slot - 1), paused.at(slot)), (Requeue::At(slot), LATER), "it has no renewal");
}

#[test]
fn only_what_was_in_force_before_waits_for_its_slot() {
    for trust in [None, Some(digest("t9"))] {
        let follower = Follower::of_new_trust().changed(|f| f.secret.trust = trust);
        assert_eq!(follower.at(NOW.as_second()), LATER, "{trust:?} was never in force");
    }
    let without_step: [fn() -> Follower; 2] = [Follower::of_new_trust, Follower::of_new_leaf];
    for follower in without_step.map(|follower| follower().changed(|f| f.signer.rotation.window = None)) {
        assert_eq!(follower.at(NOW.as_second()), LATER, "it is unknown when the step began");
    }
}
