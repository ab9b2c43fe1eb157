//! Whether an identity needs a look, judged from a few hundred bytes: a settled identity costs no request, however
//! often its watch says hello.

use crate::plan::identity::policy::Permission;
use crate::plan::identity::profile::ProfileHash;
use crate::plan::identity::ready::Reason;

use super::due::{renewal_look, renews, rotation_due, trust_due};
use super::requeue_inputs::Circumstances;
use crate::operator::index::identity::{Entry, SeenSecret};
use crate::operator::index::issuer::SignerMark;

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

/// When this identity needs a look.
#[must_use]
pub fn attention(entry: &Entry, around: Circumstances<'_>) -> Attention {
    if entry.is_going {
        return ending(entry, around.now);
    }
    let (true, Some(reason)) = (entry.is_current(), entry.recorded.reason) else {
        return Attention::Now(Class::New);
    };
    match (around.authority, around.permission) {
        (Some(_), None) => return Attention::Now(class_of_judgement(reason)),
        (Some(_), Some(permission)) if contradicts(permission, reason) => {
            return Attention::Now(Class::Background);
        }
        _ => {}
    }
    match reason {
        Reason::SecretConflict => Attention::Now(Class::Background),
        Reason::Issuing => Attention::Now(Class::New),
        Reason::AuthorityNotReady => on_authority(around),
        Reason::NotPermitted | Reason::Invalid => earlier(stalling(entry, around), upkeep(entry, around)),
        Reason::Issued | Reason::Paused | Reason::Expired => held(entry, around),
    }
}

/// An identity that is being deleted gets nothing any more, but its status does not call an expired leaf ready.
const fn ending(entry: &Entry, now: i64) -> Attention {
    let expiry = entry.recorded.not_after.saturating_add(1);
    match entry.recorded.is_ready {
        true if now >= expiry => Attention::Now(Class::Background),
        true => Attention::At(expiry),
        false => Attention::OnChange,
    }
}

/// Whoever waits for a leaf waits for the judgement, too.
const fn class_of_judgement(reason: Reason) -> Class {
    match reason {
        Reason::Issuing | Reason::AuthorityNotReady | Reason::Expired => Class::New,
        _ => Class::Background,
    }
}

/// Whether an identity stands otherwise than the terms say. Where they cannot be read, it stands as it did.
const fn contradicts(permission: Permission, reason: Reason) -> bool {
    match permission {
        Permission::Granted => is_refusal(reason),
        Permission::Refused => !is_refusal(reason),
        Permission::Hidden => false,
    }
}

/// Whether an identity with this reason is refused by the terms of its authority, or by its own spec.
#[must_use]
pub const fn is_refusal(reason: Reason) -> bool {
    matches!(reason, Reason::NotPermitted | Reason::Invalid)
}

/// When a refusal that stands begins to need a person: status says so once.
fn stalling(entry: &Entry, around: Circumstances<'_>) -> Option<Attention> {
    at((!entry.recorded.is_stalled).then_some(around.stalls_at), around)
}

fn on_authority(around: Circumstances<'_>) -> Attention {
    match around.signing() {
        Some(_) => Attention::Now(Class::New),
        None => Attention::OnChange,
    }
}

/// A refused identity gets no leaf, but what it has is kept current.
fn upkeep(entry: &Entry, around: Circumstances<'_>) -> Attention {
    if names_unknown_signer(entry, around) {
        return Attention::Now(Class::Background);
    }
    match around.secret {
        Some(secret) if secret.identity_uid == Some(entry.uid) && was_touched(entry, secret) => {
            Attention::Now(Class::Background)
        }
        Some(secret) if secret.identity_uid == Some(entry.uid) => {
            at(trust_due(entry, secret, around, None), around).unwrap_or(Attention::OnChange)
        }
        // It is gone: status says so, lest a rotation wait for what it held.
        None if entry.asked.is_some() && entry.recorded.secret_version.is_some() => {
            Attention::Now(Class::Background)
        }
        _ => Attention::OnChange,
    }
}

fn held(entry: &Entry, around: Circumstances<'_>) -> Attention {
    let Some(secret) = around.secret.filter(|secret| !was_touched(entry, secret)) else {
        return if entry.is_paused { paused_without(entry, around) } else { Attention::Now(Class::New) };
    };
    if is_renewal_requested(entry) || is_not_yet_valid(entry, around) {
        return Attention::Now(Class::New);
    }
    if is_distrusted(entry, around) && !entry.is_paused {
        // Before everybody who only needs another bundle.
        return Attention::Now(Class::Due);
    }
    if names_unknown_signer(entry, around) || contradicts_secret(entry, secret, around) {
        return Attention::Now(Class::Background);
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
fn earlier(one: Option<Attention>, other: Attention) -> Attention {
    match (one, other) {
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
        None if !entry.recorded.is_ready && entry.recorded.secret_version.is_none() => Attention::OnChange,
        _ => Attention::Now(Class::Background),
    }
}

fn was_touched(entry: &Entry, secret: &SeenSecret) -> bool {
    entry.recorded.secret_version != Some(secret.version)
}

fn is_renewal_requested(entry: &Entry) -> bool {
    !entry.is_paused && entry.renew_request.is_some() && entry.renew_request != entry.recorded.renew_request
}

/// Whether peers refuse the leaf because of its beginning: it was issued by a clock that was ahead.
fn is_not_yet_valid(entry: &Entry, around: Circumstances<'_>) -> bool {
    !entry.is_paused && around.now < entry.recorded.not_before
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
    around.signer().is_some_and(signed_by)
}

/// Whether status says that a leaf in force was signed by one that the root in force does not know. What lies in the Secret
/// tells, and puts status right.
fn names_unknown_signer(entry: &Entry, around: Circumstances<'_>) -> bool {
    let recorded = &entry.recorded;
    let is_unknown =
        |signer: &SignerMark| recorded.key_id.is_some_and(|key_id| !signer.known.contains(&key_id));
    recorded.not_after >= around.now && around.signer().is_some_and(is_unknown)
}

/// Whether status and the metadata of the same version of the Secret name different signers.
fn contradicts_secret(entry: &Entry, secret: &SeenSecret, around: Circumstances<'_>) -> bool {
    let differ = secret.key_id.zip(entry.recorded.key_id).is_some_and(|(noted, recorded)| noted != recorded);
    differ && around.signer().is_some()
}

fn by_time(entry: &Entry, around: Circumstances<'_>) -> Attention {
    let recorded = &entry.recorded;
    let expiry = recorded.not_after.saturating_add(1);
    let has_expired = around.now >= expiry;
    if has_expired && recorded.reason == Some(Reason::Expired) {
        return if around.signing().is_some() && !entry.is_paused {
            Attention::Now(Class::New)
        } else {
            Attention::OnChange
        };
    }
    if has_expired || recorded.reason == Some(Reason::Expired) {
        return Attention::Now(Class::New);
    }
    match renewal_look(entry, around) {
        None => Attention::At(expiry),
        Some(renewal) if around.now >= renewal => Attention::Now(Class::Due),
        Some(renewal) => Attention::At(renewal.min(expiry)),
    }
}
