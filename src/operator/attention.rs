//! Whether an identity needs a look, judged from a few hundred bytes: a settled identity costs no request, however
//! often its watch says hello.

use std::sync::Arc;

use crate::plan::outcome::Reason;
use crate::plan::profile::{ProfileHash, TermsHash};
use crate::plan::spread::{Step, turn};

use super::entry::{Digest, Entry, SeenSecret};

/// Order in which identities are served: a mass re-issue never keeps a new Pod waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// New, changed, or broken: somebody waits.
    New,
    /// Due for renewal.
    Due,
    /// Everything that can wait.
    Background,
}

impl Class {
    /// Every class, in their order.
    pub const ALL: [Self; 3] = [Self::New, Self::Due, Self::Background];

    /// The word for log lines and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "New",
            Self::Due => "Due",
            Self::Background => "Background",
        }
    }
}

/// When an identity needs a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attention {
    /// At once.
    Now(Class),
    /// At this second since 1970, by time alone.
    At(i64),
    /// When something changes.
    OnChange,
}

/// What is remembered of an authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityMark {
    /// Changes with every change of what policy says.
    pub epoch: u64,
    /// Hash of what it contributes to profiles.
    pub terms: TermsHash,
    /// Who signs, where somebody does.
    pub signer: Option<SignerMark>,
}

/// What is remembered of a signer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignerMark {
    /// Key identifier.
    pub key_id: Digest,
    /// End of its validity, seconds since 1970.
    pub not_after: i64,
    /// Hash of the trust bundle.
    pub trust: Digest,
    /// Hash of the trust bundle before the last change.
    pub former_trust: Option<Digest>,
    /// Whether the next root waits until everybody trusts it.
    pub is_announced: bool,
    /// Key identifiers of the signers that are retiring.
    pub retiring: Arc<[Digest]>,
    /// When Secrets follow the last change.
    pub step: Option<Step>,
    /// Key identifiers of signers whose leaves are replaced at once.
    pub distrusted: Arc<[Digest]>,
}

/// Everything that attention depends on.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// The Secret of the name that the identity wants.
    pub secret: Option<&'a SeenSecret>,
    /// The authority, where there is one.
    pub authority: Option<&'a AuthorityMark>,
    /// What policy says. `None` where it must be asked anew, with the whole object.
    pub is_permitted: Option<bool>,
    /// Seconds since 1970.
    pub now: i64,
}

/// When this identity needs a look.
#[must_use]
pub fn attention(entry: &Entry, around: Circumstances<'_>) -> Attention {
    if entry.is_going {
        return Attention::OnChange;
    }
    let (true, Some(reason)) = (entry.is_current(), entry.recorded.reason) else {
        return Attention::Now(Class::New);
    };
    match (around.authority, around.is_permitted) {
        (Some(_), None) => return Attention::Now(class_of_judgement(reason)),
        (Some(_), Some(permitted)) if permitted == is_refusal(reason) => {
            return Attention::Now(Class::Background);
        }
        _ => {}
    }
    match reason {
        Reason::SecretConflict => Attention::Now(Class::Background),
        Reason::Issuing => Attention::Now(Class::New),
        Reason::AuthorityNotReady => on_authority(around),
        Reason::NotPermitted | Reason::Invalid => upkeep(entry, around),
        Reason::Issued | Reason::Paused | Reason::Expired => held(entry, around),
    }
}

/// Whoever waits for a leaf waits for the judgement, too.
const fn class_of_judgement(reason: Reason) -> Class {
    match reason {
        Reason::Issuing | Reason::AuthorityNotReady | Reason::Expired => Class::New,
        _ => Class::Background,
    }
}

const fn is_refusal(reason: Reason) -> bool {
    matches!(reason, Reason::NotPermitted | Reason::Invalid)
}

fn on_authority(around: Circumstances<'_>) -> Attention {
    match signer(around) {
        Some(_) => Attention::Now(Class::New),
        None => Attention::OnChange,
    }
}

/// A refused identity gets no leaf, but what it has is kept current.
fn upkeep(entry: &Entry, around: Circumstances<'_>) -> Attention {
    match around.secret {
        Some(secret) if secret.identity_uid == Some(entry.uid) && was_touched(entry, secret) => {
            Attention::Now(Class::Background)
        }
        Some(secret) if secret.identity_uid == Some(entry.uid) => {
            at(trust_due(entry, secret, around, None), around).unwrap_or(Attention::OnChange)
        }
        _ => Attention::OnChange,
    }
}

fn held(entry: &Entry, around: Circumstances<'_>) -> Attention {
    let Some(secret) = around.secret.filter(|secret| !was_touched(entry, secret)) else {
        return if entry.is_paused { paused_without(entry, around) } else { Attention::Now(Class::New) };
    };
    if is_renewal_requested(entry) {
        return Attention::Now(Class::New);
    }
    if is_distrusted(entry, around) && !entry.is_paused {
        // Before everybody who only needs another bundle.
        return Attention::Now(Class::Due);
    }
    if is_profile_stale(entry, secret, around) || (is_distrusted(entry, around) && entry.recorded.is_ready) {
        return Attention::Now(Class::Background);
    }
    let renewal = renews(entry, around).then_some(entry.recorded.renewal);
    let due = trust_due(entry, secret, around, renewal);
    let due = [due, rotation_due(entry, around, renewal)].into_iter().flatten().min();
    earlier(at(due, around), by_time(entry, around))
}

/// The sooner of two; what is due now is of the class of who waits most.
fn earlier(rotation: Option<Attention>, time: Attention) -> Attention {
    match (rotation, time) {
        (Some(Attention::At(one)), Attention::At(other)) => Attention::At(one.min(other)),
        (Some(one), Attention::OnChange | Attention::At(_)) => one,
        (_, other) => other,
    }
}

fn at(due: Option<i64>, around: Circumstances<'_>) -> Option<Attention> {
    due.map(|due| if around.now >= due { Attention::Now(Class::Background) } else { Attention::At(due) })
}

/// A paused identity whose Secret has gone or changed is looked at until status says so.
fn paused_without(entry: &Entry, around: Circumstances<'_>) -> Attention {
    match around.secret {
        None if !entry.recorded.is_ready => Attention::OnChange,
        _ => Attention::Now(Class::Background),
    }
}

fn was_touched(entry: &Entry, secret: &SeenSecret) -> bool {
    entry.recorded.secret_version != Some(secret.version)
}

fn is_renewal_requested(entry: &Entry) -> bool {
    !entry.is_paused && entry.renew_request.is_some() && entry.renew_request != entry.recorded.renew_request
}

fn is_profile_stale(entry: &Entry, secret: &SeenSecret, around: Circumstances<'_>) -> bool {
    let (Some(authority), Some(asked), Some(profile)) = (around.authority, entry.asked, secret.profile)
    else {
        return false;
    };
    !entry.is_paused && ProfileHash::of(asked, authority.terms) != profile
}

fn is_distrusted(entry: &Entry, around: Circumstances<'_>) -> bool {
    let signed_by =
        |signer: &SignerMark| entry.recorded.key_id.is_some_and(|id| signer.distrusted.contains(&id));
    signer(around).is_some_and(signed_by)
}

fn signer(around: Circumstances<'_>) -> Option<&SignerMark> {
    around.authority.and_then(|authority| authority.signer.as_ref())
}

/// When a Secret is given the trust bundle in force, if it holds another: the former one in its turn, what never was in
/// force at once.
fn trust_due(
    entry: &Entry,
    secret: &SeenSecret,
    around: Circumstances<'_>,
    renewal: Option<i64>,
) -> Option<i64> {
    let signer = signer(around).filter(|signer| secret.trust != Some(signer.trust))?;
    let is_former = secret.trust.is_some() && secret.trust == signer.former_trust;
    Some(signer.step.filter(|_| is_former).map_or(i64::MIN, |step| turn(step, entry.slot, renewal)))
}

/// When a leaf of a retiring signer is replaced, if it is one.
fn rotation_due(entry: &Entry, around: Circumstances<'_>, renewal: Option<i64>) -> Option<i64> {
    let signer = signer(around).filter(|_| !entry.is_paused)?;
    let is_retiring = entry.recorded.key_id.is_some_and(|key_id| signer.retiring.contains(&key_id));
    is_retiring.then(|| signer.step.map_or(i64::MIN, |step| turn(step, entry.slot, renewal)))
}

/// Whether the leaf in force will be renewed: never while paused, and never by a signer that could give no later end.
fn renews(entry: &Entry, around: Circumstances<'_>) -> bool {
    let recorded = &entry.recorded;
    let ends_with_signer = |signer: &SignerMark| {
        recorded.key_id == Some(signer.key_id) && recorded.not_after >= signer.not_after
    };
    !entry.is_paused && !signer(around).is_none_or(ends_with_signer)
}

fn by_time(entry: &Entry, around: Circumstances<'_>) -> Attention {
    let recorded = &entry.recorded;
    let expiry = recorded.not_after.saturating_add(1);
    let has_expired = around.now >= expiry;
    if has_expired && recorded.reason == Some(Reason::Expired) {
        return if signer(around).is_some() && !entry.is_paused {
            Attention::Now(Class::New)
        } else {
            Attention::OnChange
        };
    }
    if has_expired || recorded.reason == Some(Reason::Expired) {
        return Attention::Now(Class::New);
    }
    if !renews(entry, around) {
        return Attention::At(expiry);
    }
    if around.now >= recorded.renewal {
        Attention::Now(Class::Due)
    } else {
        Attention::At(recorded.renewal.min(expiry))
    }
}
