//! When an identity needs a reconcile, from the index alone: an identity that is as asked costs no request.
//!
//! The law: it is now exactly when a decision with everything observed would write something (tests/convergence).

use super::due::{renewal_due, rollout_due, trust_due_without_leaf};
use super::requeue_inputs::RequeueInputs;
use crate::operator::index::identity::IdentityEntry;
use crate::operator::index::leaf_secret::SecretEntry;
use crate::operator::index::time::Second;
use crate::plan::identity::leaf_rules::{is_other_profile, is_renewal_requested};
use crate::plan::identity::policy::Permission;
use crate::plan::identity::profile::ProfileHash;
use crate::plan::identity::ready::ReadyReason;
use crate::plan::spread::Due;

/// Order in which identities are reconciled: a mass re-issue never keeps a new Pod waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// New, changed, or broken: a workload waits.
    New,
    /// Due for renewal.
    Due,
    /// Everything that can wait.
    Background,
}

impl Priority {
    /// Every priority, in their order.
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

/// When an identity needs a reconcile: what the scheduler does with it next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requeue {
    /// At once.
    Now(Priority),
    /// At this second since 1970, by time alone.
    At(i64),
    /// When something changes.
    OnChange,
}

const BACKGROUND: Requeue = Requeue::Now(Priority::Background);

/// When this identity needs a reconcile.
#[must_use]
pub fn next_reconcile(entry: &IdentityEntry, inputs: RequeueInputs<'_>) -> Requeue {
    if entry.is_deleting {
        return until_expiry(entry, Priority::Background, inputs.now);
    }
    let (true, Some(reason)) = (entry.is_current, entry.recorded.reason) else {
        return Requeue::Now(Priority::New);
    };
    match (inputs.authority, inputs.permission) {
        (Some(_), None) => return Requeue::Now(priority_of_check(reason)),
        (Some(_), Some(permission)) if contradicts(permission, reason) => return BACKGROUND,
        // What no authority refuses any more is not refused; only a spec that cannot be read is.
        (None, _) if is_refusal(reason) && entry.spec.is_some() => return BACKGROUND,
        _ => {}
    }
    match reason {
        ReadyReason::SecretConflict => BACKGROUND,
        ReadyReason::Issuing => Requeue::Now(Priority::New),
        ReadyReason::AuthorityNotReady if inputs.signing().is_some() => Requeue::Now(Priority::New),
        ReadyReason::AuthorityNotReady => without_leaf(entry, inputs),
        ReadyReason::NotPermitted | ReadyReason::Invalid => {
            earlier(stalling(entry, inputs), without_leaf(entry, inputs))
        }
        ReadyReason::Issued | ReadyReason::Paused | ReadyReason::Expired => with_leaf(entry, inputs),
    }
}

/// An identity that gets nothing, because it is being deleted or its key is being generated: its status does not call an expired
/// leaf ready.
#[must_use]
pub fn until_expiry(entry: &IdentityEntry, priority: Priority, now: i64) -> Requeue {
    match entry.recorded.not_after.filter(|_| entry.recorded.is_ready) {
        Some(end) if now > end.get() => Requeue::Now(priority),
        Some(end) => Requeue::At(end.get().saturating_add(1)),
        None => Requeue::OnChange,
    }
}

/// An identity that waits for a leaf waits for the check of its permission, too.
const fn priority_of_check(reason: ReadyReason) -> Priority {
    match reason {
        ReadyReason::Issuing | ReadyReason::AuthorityNotReady | ReadyReason::Expired => Priority::New,
        _ => Priority::Background,
    }
}

/// Whether status contradicts what the authority permits. Where a part of its spec cannot be read, status stays as it is.
const fn contradicts(permission: Permission, reason: ReadyReason) -> bool {
    match permission {
        Permission::Granted => is_refusal(reason),
        Permission::Refused => !is_refusal(reason),
        Permission::Hidden => false,
    }
}

/// Whether an identity with this reason is refused by the spec of its authority, or by its own.
#[must_use]
pub const fn is_refusal(reason: ReadyReason) -> bool {
    matches!(reason, ReadyReason::NotPermitted | ReadyReason::Invalid)
}

/// When a refusal begins to need manual action: status says so once.
fn stalling(entry: &IdentityEntry, inputs: RequeueInputs<'_>) -> Option<Requeue> {
    (!entry.recorded.is_stalled).then(|| when(Due::At(inputs.stalls_at), Priority::Background, inputs))
}

/// An identity that is refused, or whose authority does not sign, gets no leaf, but what it has is kept current.
fn without_leaf(entry: &IdentityEntry, inputs: RequeueInputs<'_>) -> Requeue {
    if names_unknown_signer(entry, inputs) {
        return BACKGROUND;
    }
    match inputs.secret {
        Some(secret) if secret.identity_uid != Some(entry.uid) => Requeue::OnChange,
        Some(secret) if was_touched(entry, secret) || contradicts_secret(entry, secret, inputs) => BACKGROUND,
        Some(secret) => {
            let due = trust_due_without_leaf(entry, secret, inputs);
            due.map_or(Requeue::OnChange, |due| when(due, Priority::Background, inputs))
        }
        // It is gone: status says so, so that no rotation waits for what was in it.
        None if entry.spec.is_some() && entry.recorded.secret_version.is_some() => BACKGROUND,
        None => Requeue::OnChange,
    }
}

/// An identity that may have a leaf: it gets one, a newer one or another trust bundle where it needs that.
fn with_leaf(entry: &IdentityEntry, inputs: RequeueInputs<'_>) -> Requeue {
    let Some(secret) = inputs.secret.filter(|secret| !was_touched(entry, secret)) else {
        return if entry.is_paused { paused_without(entry, inputs) } else { Requeue::Now(Priority::New) };
    };
    if !entry.is_paused && (asks_for_renewal(entry, inputs) || is_not_yet_valid(entry, inputs)) {
        return Requeue::Now(Priority::New);
    }
    let is_distrusted = inputs.signer().is_some_and(|signer| entry.leaf_facts().is_distrusted(signer));
    if is_distrusted && !entry.is_paused {
        // Before all that only need another bundle.
        return Requeue::Now(Priority::Due);
    }
    if names_unknown_signer(entry, inputs) || contradicts_secret(entry, secret, inputs) {
        return BACKGROUND;
    }
    let says_otherwise = entry.recorded.is_ready || entry.recorded.reason == Some(ReadyReason::Expired);
    if is_profile_stale(entry, secret, inputs) || (is_distrusted && says_otherwise) {
        return BACKGROUND;
    }
    let by_time = if is_paused_without_leaf(entry) { Requeue::OnChange } else { by_time(entry, inputs) };
    let rollout = rollout_due(entry, secret, inputs);
    earlier(rollout.map(|due| when(due, Priority::Background, inputs)), by_time)
}

/// Whether the annotation `renew` requests a renewal, and a root signs.
fn asks_for_renewal(entry: &IdentityEntry, inputs: RequeueInputs<'_>) -> bool {
    let (request, answered) = (entry.renew_request.as_ref(), entry.recorded.renew_request.as_ref());
    inputs.signing().is_some() && is_renewal_requested(request, answered)
}

/// The sooner of two. Where both are due now, the priority is that of `other`.
fn earlier(one: Option<Requeue>, other: Requeue) -> Requeue {
    match (one, other) {
        (Some(Requeue::At(one)), Requeue::At(other)) => Requeue::At(one.min(other)),
        (Some(one), Requeue::OnChange | Requeue::At(_)) => one,
        (_, other) => other,
    }
}

/// Turns a due time into a requeue: at once with this priority where it has come, else at that time.
fn when(due: Due, priority: Priority, inputs: RequeueInputs<'_>) -> Requeue {
    match due {
        Due::At(second) if second > inputs.now => Requeue::At(second),
        Due::At(_) | Due::AtOnce => Requeue::Now(priority),
    }
}

/// A paused identity whose Secret has gone or changed is reconciled until status says so.
fn paused_without(entry: &IdentityEntry, inputs: RequeueInputs<'_>) -> Requeue {
    match inputs.secret {
        None if !entry.recorded.is_ready && entry.recorded.secret_version.is_none() => Requeue::OnChange,
        _ => BACKGROUND,
    }
}

/// Whether status says of a paused identity that it has no certificate as asked: it says nothing more when that ends.
fn is_paused_without_leaf(entry: &IdentityEntry) -> bool {
    entry.is_paused && entry.recorded.reason == Some(ReadyReason::Paused) && !entry.recorded.is_ready
}

/// Whether the Secret has another version than the one that status has verified.
fn was_touched(entry: &IdentityEntry, secret: &SecretEntry) -> bool {
    !entry.recorded.has_verified(secret.version)
}

/// Whether peers refuse the leaf because of its beginning: it was issued by a clock that was ahead.
fn is_not_yet_valid(entry: &IdentityEntry, inputs: RequeueInputs<'_>) -> bool {
    entry.recorded.not_before.is_some_and(|beginning| inputs.now < beginning.get())
}

/// Whether the leaf was made for another profile than is asked now.
fn is_profile_stale(entry: &IdentityEntry, secret: &SecretEntry, inputs: RequeueInputs<'_>) -> bool {
    let wanted = entry.spec.zip(inputs.authority).map(|(spec, of)| ProfileHash::of(spec, of.profile));
    !entry.is_paused && is_other_profile(wanted, secret.profile)
}

/// Whether status says that a leaf in force was signed by a signer that the root in force does not know. The reconcile
/// reads the Secret and corrects status.
fn names_unknown_signer(entry: &IdentityEntry, inputs: RequeueInputs<'_>) -> bool {
    let (Some(signer), Some(key_id)) = (inputs.signer(), &entry.recorded.key_id) else { return false };
    entry.recorded.has_valid_leaf(inputs.now) && !signer.rotation.is_known(key_id)
}

/// Whether status and the metadata of the same version of the Secret name different signers.
fn contradicts_secret(entry: &IdentityEntry, secret: &SecretEntry, inputs: RequeueInputs<'_>) -> bool {
    let differ = secret.key_id.zip(entry.recorded.key_id).is_some_and(|(noted, recorded)| noted != recorded);
    differ && inputs.signer().is_some()
}

/// When a leaf that is as asked needs a reconcile by time alone: at its renewal, or at its end.
fn by_time(entry: &IdentityEntry, inputs: RequeueInputs<'_>) -> Requeue {
    let is_recorded_as_expired = entry.recorded.reason == Some(ReadyReason::Expired);
    let Some(expiry) = entry.recorded.not_after.map(|end: Second| end.get().saturating_add(1)) else {
        return Requeue::Now(Priority::New);
    };
    let has_expired = inputs.now >= expiry;
    if has_expired && is_recorded_as_expired {
        let may_issue = !entry.is_paused && inputs.signing().is_some();
        return if may_issue { Requeue::Now(Priority::New) } else { Requeue::OnChange };
    }
    if has_expired || is_recorded_as_expired {
        return Requeue::Now(Priority::New);
    }
    match renewal_due(entry, inputs).map(|due| when(due, Priority::Due, inputs)) {
        Some(Requeue::At(renewal)) => Requeue::At(renewal.min(expiry)),
        Some(now) => now,
        None => Requeue::At(expiry),
    }
}
