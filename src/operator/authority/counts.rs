//! Counting identities: by how they stand, and by who signed.

use std::collections::{HashMap, HashSet};

use crate::api::authority::IdentityCounts;
use crate::operator::index::identity::{Digest, Entry, digest};
use crate::operator::scheduler::Board;
use crate::plan::identity::ready::Reason;

/// Identities of one authority, counted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Census {
    /// By the reason of `Ready`.
    pub counts: IdentityCounts,
    /// Leaves in force, by the key identifier of their signer.
    pub leaves: HashMap<Digest, i64>,
}

/// Counts the identities whose authority is none of these, nor another operator's.
#[must_use]
pub fn strays(board: &Board, served: &[String]) -> IdentityCounts {
    let served: HashSet<Digest> = served.iter().map(|name| digest(name)).collect();
    let is_stray = |entry: &Entry| {
        !served.contains(&entry.authority) && !board.jurisdiction().is_anothers(entry.authority)
    };
    let mut counts = IdentityCounts::default();
    let strays = board.index().entries().filter(|(_, entry)| is_stray(entry));
    strays.for_each(|(_, entry)| count(&mut counts, entry));
    counts
}

/// Counts the identities whose time of renewal has passed, by their authority.
#[must_use]
pub fn overdue(board: &Board, now: i64) -> HashMap<Digest, i64> {
    let mut counts = HashMap::new();
    for (_, entry) in board.index().entries().filter(|(_, entry)| is_overdue(board, entry, now)) {
        *counts.entry(entry.authority).or_default() += 1;
    }
    counts
}

/// Where nobody signs, status names no time of renewal any more once it has passed.
fn is_overdue(board: &Board, entry: &Entry, now: i64) -> bool {
    let recorded = &entry.recorded;
    let is_past = recorded.renewal < now && (recorded.renewal != 0 || !is_signing(board, entry));
    is_past
        && !entry.is_paused
        && recorded.reason == Some(Reason::Issued)
        && !board.jurisdiction().is_anothers(entry.authority)
}

fn is_signing(board: &Board, entry: &Entry) -> bool {
    board.jurisdiction().signer(entry.authority).is_some_and(|signer| !signer.is_halted)
}

/// Counts the identities of an authority.
#[must_use]
pub fn census(board: &Board, authority: &str, now: i64) -> Census {
    let authority = digest(authority);
    let mut census = Census::default();
    for (_, entry) in board.index().entries().filter(|(_, entry)| entry.authority == authority) {
        count(&mut census.counts, entry);
        if let Some(key_id) = entry.recorded.key_id.filter(|_| entry.recorded.not_after >= now) {
            *census.leaves.entry(key_id).or_default() += 1;
        }
    }
    census
}

fn count(counts: &mut IdentityCounts, entry: &Entry) {
    counts.total += 1;
    *match entry.recorded.reason {
        Some(Reason::Issued) => &mut counts.issued,
        Some(Reason::Paused) => &mut counts.paused,
        Some(Reason::AuthorityNotReady) => &mut counts.authority_not_ready,
        Some(Reason::NotPermitted) => &mut counts.not_permitted,
        Some(Reason::Invalid) => &mut counts.invalid,
        Some(Reason::SecretConflict) => &mut counts.secret_conflict,
        Some(Reason::Expired) => &mut counts.expired,
        Some(Reason::Issuing) | None => &mut counts.issuing,
    } += 1;
}

/// The counts with their reasons.
#[must_use]
pub fn by_reason(counts: &IdentityCounts) -> [(Reason, i64); 8] {
    [
        (Reason::Issued, counts.issued),
        (Reason::Issuing, counts.issuing),
        (Reason::Paused, counts.paused),
        (Reason::AuthorityNotReady, counts.authority_not_ready),
        (Reason::NotPermitted, counts.not_permitted),
        (Reason::Invalid, counts.invalid),
        (Reason::SecretConflict, counts.secret_conflict),
        (Reason::Expired, counts.expired),
    ]
}

/// Whether an identity is remembered, and as this.
#[must_use]
pub fn is_remembered(board: &Board, namespace: &str, identity: &str, is: impl Fn(&Entry) -> bool) -> bool {
    let index = board.index();
    index.find(namespace, identity).and_then(|id| index.entry(id)).is_some_and(is)
}
