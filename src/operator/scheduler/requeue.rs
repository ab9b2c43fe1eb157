//! Whether an identity needs a look, judged from a few hundred bytes: a settled identity costs no request, however
//! often its watch says hello.

use crate::plan::identity::policy::Permission;
use crate::plan::identity::profile::ProfileHash;
use crate::plan::identity::ready::ReadyReason;

use super::due::{renewal_look, renews, rotation_due, trust_due};
use super::requeue_inputs::RequeueInputs;
use crate::operator::index::identity::IdentityEntry;
use crate::operator::index::issuer::IssuerEntry;
use crate::operator::index::leaf_secret::SecretEntry;

/// Order in which identities are served: a mass re-issue never keeps a new Pod waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// New, changed, or broken: somebody waits.
    New,
    /// Due for renewal.
    Due,
    /// Everything that can wait.
    Background,
}

impl Priority {
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
pub enum Requeue {
    /// At once.
    Now(Priority),
    /// At this second since 1970, by time alone.
    At(i64),
    /// When something changes.
    OnChange,
}

/// When this identity needs a look.
#[must_use]
pub fn attention(entry: &IdentityEntry, around: RequeueInputs<'_>) -> Requeue {
    if entry.is_going {
        return ending(entry, around.now);
    }
    let (true, Some(reason)) = (entry.is_current(), entry.recorded.reason) else {
        return Requeue::Now(Priority::New);
    };
    match (around.authority, around.permission) {
        (Some(_), None) => return Requeue::Now(class_of_judgement(reason)),
        (Some(_), Some(permission)) if contradicts(permission, reason) => {
            return Requeue::Now(Priority::Background);
        }
        _ => {}
    }
    match reason {
        ReadyReason::SecretConflict => Requeue::Now(Priority::Background),
        ReadyReason::Issuing => Requeue::Now(Priority::New),
        ReadyReason::AuthorityNotReady => on_authority(around),
        ReadyReason::NotPermitted | ReadyReason::Invalid => {
            earlier(stalling(entry, around), upkeep(entry, around))
        }
        ReadyReason::Issued | ReadyReason::Paused | ReadyReason::Expired => held(entry, around),
    }
}

/// An identity that is being deleted gets nothing any more, but its status does not call an expired leaf ready.
const fn ending(entry: &IdentityEntry, now: i64) -> Requeue {
    let expiry = entry.recorded.not_after.saturating_add(1);
    match entry.recorded.is_ready {
        true if now >= expiry => Requeue::Now(Priority::Background),
        true => Requeue::At(expiry),
        false => Requeue::OnChange,
    }
}

/// Whoever waits for a leaf waits for the judgement, too.
const fn class_of_judgement(reason: ReadyReason) -> Priority {
    match reason {
        ReadyReason::Issuing | ReadyReason::AuthorityNotReady | ReadyReason::Expired => Priority::New,
        _ => Priority::Background,
    }
}

/// Whether an identity stands otherwise than the terms say. Where they cannot be read, it stands as it did.
const fn contradicts(permission: Permission, reason: ReadyReason) -> bool {
    match permission {
        Permission::Granted => is_refusal(reason),
        Permission::Refused => !is_refusal(reason),
        Permission::Hidden => false,
    }
}

/// Whether an identity with this reason is refused by the terms of its authority, or by its own spec.
#[must_use]
pub const fn is_refusal(reason: ReadyReason) -> bool {
    matches!(reason, ReadyReason::NotPermitted | ReadyReason::Invalid)
}

/// When a refusal that stands begins to need a person: status says so once.
fn stalling(entry: &IdentityEntry, around: RequeueInputs<'_>) -> Option<Requeue> {
    at((!entry.recorded.is_stalled).then_some(around.stalls_at), around)
}

fn on_authority(around: RequeueInputs<'_>) -> Requeue {
    match around.signing() {
        Some(_) => Requeue::Now(Priority::New),
        None => Requeue::OnChange,
    }
}

/// A refused identity gets no leaf, but what it has is kept current.
fn upkeep(entry: &IdentityEntry, around: RequeueInputs<'_>) -> Requeue {
    if names_unknown_signer(entry, around) {
        return Requeue::Now(Priority::Background);
    }
    match around.secret {
        Some(secret) if secret.identity_uid == Some(entry.uid) && was_touched(entry, secret) => {
            Requeue::Now(Priority::Background)
        }
        Some(secret) if secret.identity_uid == Some(entry.uid) => {
            at(trust_due(entry, secret, around, None), around).unwrap_or(Requeue::OnChange)
        }
        // It is gone: status says so, lest a rotation wait for what it held.
        None if entry.asked.is_some() && entry.recorded.secret_version.is_some() => {
            Requeue::Now(Priority::Background)
        }
        _ => Requeue::OnChange,
    }
}

fn held(entry: &IdentityEntry, around: RequeueInputs<'_>) -> Requeue {
    let Some(secret) = around.secret.filter(|secret| !was_touched(entry, secret)) else {
        return if entry.is_paused { paused_without(entry, around) } else { Requeue::Now(Priority::New) };
    };
    if is_renewal_requested(entry) || is_not_yet_valid(entry, around) {
        return Requeue::Now(Priority::New);
    }
    if is_distrusted(entry, around) && !entry.is_paused {
        // Before everybody who only needs another bundle.
        return Requeue::Now(Priority::Due);
    }
    if names_unknown_signer(entry, around) || contradicts_secret(entry, secret, around) {
        return Requeue::Now(Priority::Background);
    }
    if is_profile_stale(entry, secret, around) || (is_distrusted(entry, around) && entry.recorded.is_ready) {
        return Requeue::Now(Priority::Background);
    }
    let renewal = renews(entry, around).then_some(entry.recorded.renewal);
    let due = trust_due(entry, secret, around, renewal);
    let due = [due, rotation_due(entry, around, renewal)].into_iter().flatten().min();
    earlier(at(due, around), by_time(entry, around))
}

/// The sooner of two; what is due now is of the class of who waits most.
fn earlier(one: Option<Requeue>, other: Requeue) -> Requeue {
    match (one, other) {
        (Some(Requeue::At(one)), Requeue::At(other)) => Requeue::At(one.min(other)),
        (Some(one), Requeue::OnChange | Requeue::At(_)) => one,
        (_, other) => other,
    }
}

fn at(due: Option<i64>, around: RequeueInputs<'_>) -> Option<Requeue> {
    due.map(|due| if around.now >= due { Requeue::Now(Priority::Background) } else { Requeue::At(due) })
}

/// A paused identity whose Secret has gone or changed is looked at until status says so.
fn paused_without(entry: &IdentityEntry, around: RequeueInputs<'_>) -> Requeue {
    match around.secret {
        None if !entry.recorded.is_ready && entry.recorded.secret_version.is_none() => Requeue::OnChange,
        _ => Requeue::Now(Priority::Background),
    }
}

fn was_touched(entry: &IdentityEntry, secret: &SecretEntry) -> bool {
    entry.recorded.secret_version != Some(secret.version)
}

fn is_renewal_requested(entry: &IdentityEntry) -> bool {
    !entry.is_paused && entry.renew_request.is_some() && entry.renew_request != entry.recorded.renew_request
}

/// Whether peers refuse the leaf because of its beginning: it was issued by a clock that was ahead.
fn is_not_yet_valid(entry: &IdentityEntry, around: RequeueInputs<'_>) -> bool {
    !entry.is_paused && around.now < entry.recorded.not_before
}

fn is_profile_stale(entry: &IdentityEntry, secret: &SecretEntry, around: RequeueInputs<'_>) -> bool {
    let (Some(authority), Some(asked), Some(profile)) = (around.authority, entry.asked, secret.profile)
    else {
        return false;
    };
    !entry.is_paused && ProfileHash::of(asked, authority.terms) != profile
}

fn is_distrusted(entry: &IdentityEntry, around: RequeueInputs<'_>) -> bool {
    let signed_by =
        |signer: &IssuerEntry| entry.recorded.key_id.is_some_and(|id| signer.distrusted.contains(&id));
    around.signer().is_some_and(signed_by)
}

/// Whether status says that a leaf in force was signed by one that the root in force does not know. What lies in the Secret
/// tells, and puts status right.
fn names_unknown_signer(entry: &IdentityEntry, around: RequeueInputs<'_>) -> bool {
    let recorded = &entry.recorded;
    let is_unknown =
        |signer: &IssuerEntry| recorded.key_id.is_some_and(|key_id| !signer.known.contains(&key_id));
    recorded.not_after >= around.now && around.signer().is_some_and(is_unknown)
}

/// Whether status and the metadata of the same version of the Secret name different signers.
fn contradicts_secret(entry: &IdentityEntry, secret: &SecretEntry, around: RequeueInputs<'_>) -> bool {
    let differ = secret.key_id.zip(entry.recorded.key_id).is_some_and(|(noted, recorded)| noted != recorded);
    differ && around.signer().is_some()
}

fn by_time(entry: &IdentityEntry, around: RequeueInputs<'_>) -> Requeue {
    let recorded = &entry.recorded;
    let expiry = recorded.not_after.saturating_add(1);
    let has_expired = around.now >= expiry;
    if has_expired && recorded.reason == Some(ReadyReason::Expired) {
        return if around.signing().is_some() && !entry.is_paused {
            Requeue::Now(Priority::New)
        } else {
            Requeue::OnChange
        };
    }
    if has_expired || recorded.reason == Some(ReadyReason::Expired) {
        return Requeue::Now(Priority::New);
    }
    match renewal_look(entry, around) {
        None => Requeue::At(expiry),
        Some(renewal) if around.now >= renewal => Requeue::Now(Priority::Due),
        Some(renewal) => Requeue::At(renewal.min(expiry)),
    }
}
