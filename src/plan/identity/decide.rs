//! From an observed world to a plan that names its cause.
//!
//! Total and synchronous, without clock, randomness or IO. The rules that the scheduler needs too are in `leaf_rules`.

use jiff::Timestamp;

use super::leaf_rules::{LeafFacts, is_other_profile, is_renewal_requested};
use super::ready::{IdentityReady, Refusal};
use super::world::{Authorization, LeafDefect, OwnedSecret, SecretState, StoredLeaf, World};
use crate::plan::spread::slot;

/// What to do to the Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Nothing.
    Keep,
    /// A new key and leaf.
    Issue {
        /// Why.
        because: IssueReason,
        /// The version that is replaced; `None` creates.
        over: Option<String>,
    },
    /// Trust bundle, labels, annotations and owner, without a new key.
    Refresh {
        /// The version that is patched.
        over: String,
    },
}

/// Why a leaf is issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IssueReason {
    /// The identity never had one.
    New,
    /// The Secret has gone.
    Missing,
    /// The Secret was left by an identity of the same name.
    Adopted,
    /// The content of the Secret is unsound.
    Damaged(LeafDefect),
    /// Something else is asked than the leaf says.
    Changed,
    /// The leaf has expired.
    Expired,
    /// The annotation `renew` requests it.
    Requested,
    /// The time of renewal has come.
    Due,
    /// Its signer is retiring.
    Rotated,
    /// Its signer is distrusted.
    Distrusted,
}

impl IssueReason {
    /// The word for log lines and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "New",
            Self::Missing => "Missing",
            Self::Adopted => "Adopted",
            Self::Damaged(LeafDefect::CertificateUnreadable) => "CertificateUnreadable",
            Self::Damaged(LeafDefect::KeyUnreadable) => "KeyUnreadable",
            Self::Damaged(LeafDefect::KeyMismatch) => "KeyMismatch",
            Self::Damaged(LeafDefect::Untrusted) => "Untrusted",
            Self::Damaged(LeafDefect::Unsound) => "Unsound",
            Self::Damaged(LeafDefect::NotYetValid) => "NotYetValid",
            Self::Changed => "Changed",
            Self::Expired => "Expired",
            Self::Requested => "Requested",
            Self::Due => "Due",
            Self::Rotated => "Rotated",
            Self::Distrusted => "Distrusted",
        }
    }
}

/// A plan, the `Ready` condition as long as it is not carried out, and the time of renewal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What to do.
    pub plan: Plan,
    /// The `Ready` condition now.
    pub ready: IdentityReady,
    /// When the leaf in force is renewed, if it is.
    pub renewal: Option<Timestamp>,
    /// Whether a refusal needs manual action by now.
    pub has_stalled: bool,
}

/// Decides what an identity needs.
#[must_use]
pub fn decide(world: &World<'_>, now: Timestamp) -> Decision {
    let held = match &world.secret {
        SecretState::Foreign(whose) => {
            return refused(world, Refusal::SecretConflict(whose.clone()), Plan::Keep, now);
        }
        SecretState::Absent => None,
        SecretState::Held(held) => Some(held),
    };
    if let Some(Err(refusal)) = world.authorization.as_ref().map(|authorization| &authorization.entitlement)
        && !is_retained(world, held)
    {
        return refused(world, refusal.clone(), refresh_if_stale(world, held, None, now), now);
    }
    let need = need(world, held, now);
    let (ready, renewal) = (ready(world, &need), renewal(world, &need, now));
    let plan = match &need {
        Need::Leaf(because, _) if may_issue(world, now) => {
            Plan::Issue { because: *because, over: held.map(|held| held.version.clone()) }
        }
        _ => refresh_if_stale(world, held, renewal, now),
    };
    Decision { plan, ready, renewal, has_stalled: world.has_stalled(now) }
}

fn refused(world: &World<'_>, refusal: Refusal, plan: Plan, now: Timestamp) -> Decision {
    let has_stalled = world.has_stalled(now);
    Decision { plan, ready: IdentityReady::refused(refusal, has_stalled), renewal: None, has_stalled }
}

/// Whether a leaf with these very names was permitted before a part of the authority's spec could not be read any more.
fn is_retained(world: &World<'_>, held: Option<&OwnedSecret>) -> bool {
    world.before.was_permitted
        && world.authorization.as_ref().is_some_and(|authorization| authorization.retained.is_some())
        && held.is_some_and(|held| held.carries_uid && held.leaf.is_ok() && as_asked(world, held))
}

/// A signer that has ended signs nothing, also before its authority has been reconciled: the leaf would have ended with it.
fn may_issue(world: &World<'_>, now: Timestamp) -> bool {
    let has_ended = world.signer.as_ref().is_ok_and(|signer| signer.window.is_expired_at(now));
    !world.spec.paused && !has_ended && why_not(world).is_none()
}

/// Why the authority signs nothing, if it does not.
fn why_not<'a>(world: &'a World<'_>) -> Option<&'a str> {
    let why = match &world.signer {
        Ok(signer) => signer.halted.as_ref(),
        Err(not_ready) => Some(not_ready),
    };
    why.map(|not_ready| not_ready.0.as_str())
}

/// What an identity needs of its authority.
enum Need<'a> {
    /// A leaf, because. With it the one that is in the Secret until then.
    Leaf(IssueReason, CurrentLeaf<'a>),
    /// Nothing: this leaf is valid and as asked.
    Nothing(&'a StoredLeaf),
}

/// The leaf in the Secret while another one is needed.
enum CurrentLeaf<'a> {
    /// Valid and as asked.
    AsAsked(&'a StoredLeaf),
    /// As asked, but expired.
    Expired(&'a StoredLeaf),
    /// As asked, but its signer is distrusted: no peer that has loaded the bundle in force accepts it.
    Distrusted,
    /// None that is as asked.
    None,
}

fn need<'a>(world: &World<'_>, held: Option<&'a OwnedSecret>, now: Timestamp) -> Need<'a> {
    let Some(held) = held else {
        let because = if world.before.was_issued { IssueReason::Missing } else { IssueReason::New };
        return Need::Leaf(because, CurrentLeaf::None);
    };
    match &held.leaf {
        Err(defect) => Need::Leaf(IssueReason::Damaged(*defect), CurrentLeaf::None),
        Ok(_) if !held.carries_uid => Need::Leaf(IssueReason::Adopted, CurrentLeaf::None),
        Ok(_) if !as_asked(world, held) => Need::Leaf(IssueReason::Changed, CurrentLeaf::None),
        Ok(leaf) if is_distrusted(world, leaf) => {
            Need::Leaf(IssueReason::Distrusted, CurrentLeaf::Distrusted)
        }
        Ok(leaf) if leaf.window.is_not_yet_valid_at(now) => {
            Need::Leaf(IssueReason::Damaged(LeafDefect::NotYetValid), CurrentLeaf::None)
        }
        Ok(leaf) if leaf.window.is_expired_at(now) => {
            Need::Leaf(IssueReason::Expired, CurrentLeaf::Expired(leaf))
        }
        Ok(leaf) if is_requested(world, held) => {
            Need::Leaf(IssueReason::Requested, CurrentLeaf::AsAsked(leaf))
        }
        Ok(leaf) if is_due(world, leaf, now) => Need::Leaf(IssueReason::Due, CurrentLeaf::AsAsked(leaf)),
        Ok(leaf) if is_rotated(world, leaf, now) => {
            Need::Leaf(IssueReason::Rotated, CurrentLeaf::AsAsked(leaf))
        }
        Ok(leaf) => Need::Nothing(leaf),
    }
}

/// While the authority is unknown, what its profile is is unknown too; the leaf itself is all there is to go by.
fn as_asked(world: &World<'_>, held: &OwnedSecret) -> bool {
    let wanted = world.authorization.as_ref().map(|authorization| authorization.profile);
    held.matches_profile && !is_other_profile(wanted, held.profile)
}

fn is_requested(world: &World<'_>, held: &OwnedSecret) -> bool {
    is_renewal_requested(world.spec.renew_request.as_ref(), held.renew_request.as_ref())
}

fn is_due(world: &World<'_>, leaf: &StoredLeaf, now: Timestamp) -> bool {
    now >= leaf.renewal_time(world.spec) && !ends_with_signer(world, leaf)
}

fn is_distrusted(world: &World<'_>, leaf: &StoredLeaf) -> bool {
    world.signer.as_ref().is_ok_and(|signer| signer.rotation.is_distrusted(&leaf.key_id))
}

/// Whether the leaf's signer is retiring, and the slot of this identity has come.
fn is_rotated(world: &World<'_>, leaf: &StoredLeaf, now: Timestamp) -> bool {
    let signer = world.signer.as_ref().ok();
    let due = signer.and_then(|signer| leaf.facts(world.spec).replacement_due(signer));
    due.is_some_and(|due| due.has_come(now.as_second()))
}

/// Whether the leaf in force will be renewed.
fn is_renewed(world: &World<'_>, leaf: &StoredLeaf) -> bool {
    leaf.facts(world.spec).is_renewed(world.signer.as_ref().ok())
}

fn ends_with_signer(world: &World<'_>, leaf: &StoredLeaf) -> bool {
    world.signer.as_ref().is_ok_and(|signer| leaf.facts(world.spec).ends_with(signer))
}

/// What keeps a Secret current without a new key. It reaches paused, refused and invalid identities too.
fn refresh_if_stale(
    world: &World<'_>,
    held: Option<&OwnedSecret>,
    renewal: Option<Timestamp>,
    now: Timestamp,
) -> Plan {
    let stale = |held: &&OwnedSecret| {
        held.carries_uid && (!held.metadata_is_current || is_trust_due(world, held, renewal, now))
    };
    held.filter(stale).map_or(Plan::Keep, |held| Plan::Refresh { over: held.version.clone() })
}

/// Whether the Secret is to be given the trust bundle in force now: with the renewal that is announced, or in its slot.
fn is_trust_due(world: &World<'_>, held: &OwnedSecret, renewal: Option<Timestamp>, now: Timestamp) -> bool {
    let Ok(signer) = &world.signer else { return false };
    let renewal = renewal.map(Timestamp::as_second);
    let facts = LeafFacts { renewal, ..LeafFacts::without_leaf(slot(&world.spec.uid)) };
    let due = facts.trust_due(held.trust.as_ref(), signer);
    due.is_some_and(|due| due.has_come(now.as_second()))
}

/// The `Ready` condition now, before anything is done.
fn ready(world: &World<'_>, need: &Need<'_>) -> IdentityReady {
    let paused = world.spec.paused;
    let why_not = why_not(world);
    match need {
        Need::Nothing(leaf) | Need::Leaf(_, CurrentLeaf::AsAsked(leaf)) if paused => {
            IdentityReady::paused(leaf.window.not_after)
        }
        Need::Nothing(leaf) => issued(world, leaf),
        Need::Leaf(_, CurrentLeaf::AsAsked(leaf)) => match why_not {
            Some(why) => IdentityReady::overdue(leaf.window.not_after, why),
            None => issued(world, leaf),
        },
        Need::Leaf(_, CurrentLeaf::Expired(leaf)) if paused => {
            IdentityReady::paused_and_expired(leaf.window.not_after)
        }
        Need::Leaf(_, CurrentLeaf::Expired(leaf)) => IdentityReady::expired(leaf.window.not_after, why_not),
        Need::Leaf(_, CurrentLeaf::Distrusted) if paused => IdentityReady::paused_and_distrusted(),
        Need::Leaf(_, CurrentLeaf::None) if paused => IdentityReady::paused_without_leaf(),
        Need::Leaf(_, CurrentLeaf::None | CurrentLeaf::Distrusted) => match why_not {
            Some(why) => IdentityReady::authority_not_ready(why),
            None => IdentityReady::issuing(),
        },
    }
}

fn issued(world: &World<'_>, leaf: &StoredLeaf) -> IdentityReady {
    let ready = IdentityReady::issued(leaf.window.not_after, grants(world));
    if ends_with_signer(world, leaf) { ready.ending_with_its_signer() } else { ready }
}

/// The grants by which the identity has its names.
fn grants<'a>(world: &'a World<'_>) -> &'a [String] {
    let leaf = world.authorization.as_ref().and_then(Authorization::leaf);
    leaf.map_or(&[], |entitlement| &entitlement.grants)
}

/// When the leaf in force is renewed, if it is. A time that has passed while no root signs is announced no longer.
fn renewal(world: &World<'_>, need: &Need<'_>, now: Timestamp) -> Option<Timestamp> {
    let (Need::Nothing(leaf) | Need::Leaf(_, CurrentLeaf::AsAsked(leaf))) = need else { return None };
    let renewal = is_renewed(world, leaf).then(|| leaf.renewal_time(world.spec));
    renewal.filter(|renewal| *renewal > now || why_not(world).is_none())
}
