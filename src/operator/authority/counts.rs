//! Counts of identities by the reason of `Ready`, and of leaves by their signer.

use std::collections::{HashMap, HashSet};

use crate::api::authority::IdentityCounts;
use crate::operator::index::digest::{Digest, digest};
use crate::operator::index::identity::IdentityEntry;
use crate::operator::scheduler::Scheduler;
use crate::plan::identity::ready::ReadyReason;

/// Identities of one authority, counted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counts {
    /// By the reason of `Ready`.
    pub identities: IdentityCounts,
    /// Leaves in force, by the key identifier of their signer.
    pub leaves: HashMap<Digest, i64>,
}

/// Counts the identities whose authority is none of these, and not served by another operator.
#[must_use]
pub fn unserved(scheduler: &Scheduler, served: &[String]) -> IdentityCounts {
    let served: HashSet<Digest> = served.iter().map(|name| digest(name)).collect();
    let is_unserved = |entry: &IdentityEntry| {
        !served.contains(&entry.authority) && !scheduler.policy().is_served_elsewhere(entry.authority)
    };
    let mut counts = IdentityCounts::default();
    let unserved = scheduler.index().entries().filter(|(_, entry)| is_unserved(entry));
    unserved.for_each(|(_, entry)| count(&mut counts, entry));
    counts
}

/// Counts the identities whose time of renewal has passed, by their authority.
#[must_use]
pub fn overdue(scheduler: &Scheduler, now: i64) -> HashMap<Digest, i64> {
    let mut counts = HashMap::new();
    for (_, entry) in scheduler.index().entries().filter(|(_, entry)| is_overdue(scheduler, entry, now)) {
        *counts.entry(entry.authority).or_default() += 1;
    }
    counts
}

/// Where the authority does not sign, status names no time of renewal any more once it has passed.
fn is_overdue(scheduler: &Scheduler, entry: &IdentityEntry, now: i64) -> bool {
    let recorded = &entry.recorded;
    let is_past =
        recorded.renewal.map_or_else(|| !is_signing(scheduler, entry), |renewal| renewal.get() < now);
    is_past
        && !entry.is_paused
        && recorded.reason == Some(ReadyReason::Issued)
        && !scheduler.policy().is_served_elsewhere(entry.authority)
}

fn is_signing(scheduler: &Scheduler, entry: &IdentityEntry) -> bool {
    scheduler.policy().signer(entry.authority).is_some_and(|signer| signer.halted.is_none())
}

/// Counts the identities of an authority.
#[must_use]
pub fn counts(scheduler: &Scheduler, authority: &str, now: i64) -> Counts {
    let authority = digest(authority);
    let mut counts = Counts::default();
    for (_, entry) in scheduler.index().entries().filter(|(_, entry)| entry.authority == authority) {
        count(&mut counts.identities, entry);
        if let Some(key_id) = entry.recorded.key_id.filter(|_| entry.recorded.has_valid_leaf(now)) {
            *counts.leaves.entry(key_id).or_default() += 1;
        }
    }
    counts
}

fn count(counts: &mut IdentityCounts, entry: &IdentityEntry) {
    counts.total += 1;
    *of_reason(counts, entry.recorded.reason.unwrap_or(ReadyReason::Issuing)) += 1;
}

/// The count of one reason.
const fn of_reason(counts: &mut IdentityCounts, reason: ReadyReason) -> &mut i64 {
    match reason {
        ReadyReason::Issued => &mut counts.issued,
        ReadyReason::Issuing => &mut counts.issuing,
        ReadyReason::Paused => &mut counts.paused,
        ReadyReason::AuthorityNotReady => &mut counts.authority_not_ready,
        ReadyReason::NotPermitted => &mut counts.not_permitted,
        ReadyReason::Invalid => &mut counts.invalid,
        ReadyReason::SecretConflict => &mut counts.secret_conflict,
        ReadyReason::Expired => &mut counts.expired,
    }
}

/// The counts with their reasons.
#[must_use]
pub fn by_reason(counts: &IdentityCounts) -> [(ReadyReason, i64); ReadyReason::ALL.len()] {
    let mut counts = counts.clone();
    ReadyReason::ALL.map(|reason| (reason, *of_reason(&mut counts, reason)))
}
