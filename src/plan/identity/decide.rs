//! From an observed world to a plan that names its cause: total, synchronous, without clock, randomness or IO.

use jiff::Timestamp;

use super::ready::{Refusal, Standing};
use super::world::{Authorization, LeafDefect, OwnedSecret, SecretState, StoredLeaf, World};

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
    /// A person asked by annotation.
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

/// A plan, how the identity stands as long as it is not carried out, and when to look again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What to do.
    pub plan: Plan,
    /// How the identity stands now.
    pub standing: Standing,
    /// When the leaf in force is renewed, if it is.
    pub renewal: Option<Timestamp>,
    /// Whether a refusal needs a person by now.
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
    if let Some(Err(refusal)) = world.terms.as_ref().map(|terms| &terms.entitlement)
        && !is_retained(world, held)
    {
        return refused(world, refusal.clone(), upkeep(world, held, now), now);
    }
    let need = need(world, held, now);
    let standing = standing(world, &need);
    let plan = match &need {
        Need::Leaf(because, _) if may_issue(world, now) => {
            Plan::Issue { because: *because, over: held.map(|held| held.version.clone()) }
        }
        _ => upkeep(world, held, now),
    };
    Decision { plan, standing, renewal: renewal(world, &need), has_stalled: world.has_stalled(now) }
}

fn refused(world: &World<'_>, refusal: Refusal, plan: Plan, now: Timestamp) -> Decision {
    let has_stalled = world.has_stalled(now);
    Decision { plan, standing: Standing::refused(refusal, has_stalled), renewal: None, has_stalled }
}

/// Whether a leaf with these very names was permitted before a part of the terms could not be read any more.
fn is_retained(world: &World<'_>, held: Option<&OwnedSecret>) -> bool {
    world.before.was_permitted
        && world.terms.as_ref().is_some_and(|terms| terms.retained.is_some())
        && held.is_some_and(|held| held.mine && held.leaf.is_ok() && as_asked(world, held))
}

/// A signer that has ended signs nothing, also before its authority has been looked at: the leaf would have ended with it.
fn may_issue(world: &World<'_>, now: Timestamp) -> bool {
    let has_ended = world.signer.as_ref().is_ok_and(|signer| signer.window.is_expired_at(now));
    !world.asked.paused && !has_ended && why_not(world).is_none()
}

/// Why the authority signs nothing, if so.
fn why_not<'a>(world: &'a World<'_>) -> Option<&'a str> {
    let why = match &world.signer {
        Ok(signer) => signer.halted.as_ref(),
        Err(not_ready) => Some(not_ready),
    };
    why.map(|not_ready| not_ready.0.as_str())
}

/// What an identity needs of its authority.
enum Need<'a> {
    /// A leaf, because. With it the one that serves until then, where there is one.
    Leaf(IssueReason, Serving<'a>),
    /// Nothing: this leaf is valid and as asked.
    Nothing(&'a StoredLeaf),
}

/// The leaf that lies in the Secret while another one is needed.
enum Serving<'a> {
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
        return Need::Leaf(because, Serving::None);
    };
    match &held.leaf {
        Err(damage) => Need::Leaf(IssueReason::Damaged(*damage), Serving::None),
        Ok(_) if !held.mine => Need::Leaf(IssueReason::Adopted, Serving::None),
        Ok(_) if !as_asked(world, held) => Need::Leaf(IssueReason::Changed, Serving::None),
        Ok(leaf) if is_distrusted(world, leaf) => Need::Leaf(IssueReason::Distrusted, Serving::Distrusted),
        Ok(leaf) if leaf.window.is_not_yet_valid_at(now) => {
            Need::Leaf(IssueReason::Damaged(LeafDefect::NotYetValid), Serving::None)
        }
        Ok(leaf) if leaf.window.is_expired_at(now) => {
            Need::Leaf(IssueReason::Expired, Serving::Expired(leaf))
        }
        Ok(leaf) if is_requested(world, held) => Need::Leaf(IssueReason::Requested, Serving::AsAsked(leaf)),
        Ok(leaf) if is_due(world, leaf, now) => Need::Leaf(IssueReason::Due, Serving::AsAsked(leaf)),
        Ok(leaf) if is_outdated(world, leaf, now) => Need::Leaf(IssueReason::Rotated, Serving::AsAsked(leaf)),
        Ok(leaf) => Need::Nothing(leaf),
    }
}

/// While the authority is unknown nobody can say what its profile is; the leaf itself is all there is to go by.
fn as_asked(world: &World<'_>, held: &OwnedSecret) -> bool {
    let hash_differs = match (&world.terms, held.profile) {
        (Some(terms), Some(profile)) => terms.profile != profile,
        _ => false,
    };
    held.fits && !hash_differs
}

fn is_requested(world: &World<'_>, held: &OwnedSecret) -> bool {
    world.asked.renew_request.is_some() && world.asked.renew_request != held.renew_request
}

fn is_due(world: &World<'_>, leaf: &StoredLeaf, now: Timestamp) -> bool {
    now >= leaf.renewal_time(world.asked) && !cannot_be_outlived(world, leaf)
}

fn is_distrusted(world: &World<'_>, leaf: &StoredLeaf) -> bool {
    world.signer.as_ref().is_ok_and(|signer| signer.rotation.distrusted.contains(&leaf.key_id))
}

/// Whether the leaf's signer is retiring, and the turn of this identity has come.
fn is_outdated(world: &World<'_>, leaf: &StoredLeaf, now: Timestamp) -> bool {
    world.signer.as_ref().is_ok_and(|signer| {
        let renewal = renews(world, leaf).then(|| leaf.renewal_time(world.asked));
        signer.rotation.is_retiring(&leaf.key_id)
            && now.as_second() >= signer.rotation.turn(&world.asked.uid, renewal)
    })
}

/// Whether the leaf in force will be renewed: never while paused, and never by a signer that could give no later end.
fn renews(world: &World<'_>, leaf: &StoredLeaf) -> bool {
    !world.asked.paused && !cannot_be_outlived(world, leaf)
}

/// A leaf that ends with its signer gains nothing by renewal, and would be due again at once, for ever.
fn cannot_be_outlived(world: &World<'_>, leaf: &StoredLeaf) -> bool {
    world.signer.as_ref().is_ok_and(|signer| leaf.ends_with(signer))
}

/// What keeps a Secret current without a new key. It reaches paused, refused and invalid identities too.
fn upkeep(world: &World<'_>, held: Option<&OwnedSecret>, now: Timestamp) -> Plan {
    let stale = |held: &&OwnedSecret| held.mine && (!held.dressed || is_trust_due(world, held, now));
    held.filter(stale).map_or(Plan::Keep, |held| Plan::Refresh { over: held.version.clone() })
}

/// Whether another trust bundle is in force than lies in the Secret, and the turn of this identity has come. What
/// never was in force is put right at once.
fn is_trust_due(world: &World<'_>, held: &OwnedSecret, now: Timestamp) -> bool {
    let Ok(signer) = &world.signer else { return false };
    if held.trust.as_ref() == Some(&signer.trust) {
        return false;
    }
    let is_permitted = world.terms.as_ref().is_some_and(|terms| terms.entitlement.is_ok());
    let may_renew = is_permitted || is_retained(world, Some(held));
    let leaf = held.leaf.as_ref().ok().filter(|leaf| may_renew && renews(world, leaf));
    let renewal = leaf.map(|leaf| leaf.renewal_time(world.asked));
    held.trust.is_none()
        || held.trust != signer.rotation.former_trust
        || now.as_second() >= signer.rotation.turn(&world.asked.uid, renewal)
}

/// How the identity stands now, before anything is done.
fn standing(world: &World<'_>, need: &Need<'_>) -> Standing {
    let paused = world.asked.paused;
    let why_not = why_not(world);
    match need {
        Need::Nothing(leaf) | Need::Leaf(_, Serving::AsAsked(leaf)) if paused => {
            Standing::paused(leaf.window.not_after)
        }
        Need::Nothing(leaf) => issued(world, leaf),
        Need::Leaf(_, Serving::AsAsked(leaf)) => match why_not {
            Some(why) => Standing::overdue(leaf.window.not_after, why),
            None => issued(world, leaf),
        },
        Need::Leaf(_, Serving::Expired(leaf)) if paused => {
            Standing::paused_and_expired(leaf.window.not_after)
        }
        Need::Leaf(_, Serving::Expired(leaf)) => Standing::expired(leaf.window.not_after, why_not),
        Need::Leaf(_, Serving::Distrusted) if paused => Standing::paused_and_distrusted(),
        Need::Leaf(_, Serving::None) if paused => Standing::paused_without_leaf(),
        Need::Leaf(_, Serving::None | Serving::Distrusted) => match why_not {
            Some(why) => Standing::authority_not_ready(why),
            None => Standing::issuing(),
        },
    }
}

fn issued(world: &World<'_>, leaf: &StoredLeaf) -> Standing {
    let standing = Standing::issued(leaf.window.not_after, grants(world));
    if cannot_be_outlived(world, leaf) { standing.ending_with_its_signer() } else { standing }
}

/// The grants by which the identity has its names.
fn grants<'a>(world: &'a World<'_>) -> &'a [String] {
    let leaf = world.terms.as_ref().and_then(Authorization::leaf);
    leaf.map_or(&[], |entitlement| &entitlement.grants)
}

/// When the leaf in force is renewed, if it is. One that is due and that nobody renews has no time that could be told.
fn renewal(world: &World<'_>, need: &Need<'_>) -> Option<Timestamp> {
    let leaf = match need {
        Need::Nothing(leaf) => leaf,
        Need::Leaf(_, Serving::AsAsked(leaf)) if why_not(world).is_none() => leaf,
        Need::Leaf(..) => return None,
    };
    renews(world, leaf).then(|| leaf.renewal_time(world.asked))
}
