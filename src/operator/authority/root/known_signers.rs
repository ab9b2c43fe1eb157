//! Signers that are known to have signed, with what knows it. Gathered before the root Secret is read, since the watches are
//! independent: a root is called lost only if a GET made later does not explain it (I11).

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use crate::api::MtlsAuthority;
use crate::api::authority::MtlsAuthorityStatus;
use crate::operator::context::Context;
use crate::operator::index::digest::{Digest, digest};
use crate::operator::index::identity::IdentityEntry;
use crate::operator::scheduler::Scheduler;

/// What was known before the root Secret was read.
pub struct KnownSigners {
    /// Key identifier of the signer that the status of the authority names.
    pub recorded: Option<String>,
    /// Name of the evidence key, as the status of the authority tells it.
    pub evidence_key_id: Option<String>,
    /// What the statuses of identities say.
    pub claimants: Vec<Claimant>,
}

/// An identity whose status says that it holds an unexpired leaf of this authority, and by whom it was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimant {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Box<str>,
    /// Key identifier of the signer.
    pub key_id: Digest,
    /// Whether the status carries a proof. Whether that is sound, only the evidence key tells.
    pub has_proof: bool,
}

/// Collects them.
#[must_use]
pub fn suspects(context: &Context, authority: &MtlsAuthority) -> KnownSigners {
    let status = authority.status.as_ref();
    let name = authority.metadata.name.as_deref().unwrap_or_default();
    let signing = status.and_then(MtlsAuthorityStatus::signing_root);
    KnownSigners {
        recorded: signing.map(|root| root.key_id.clone()),
        evidence_key_id: status.and_then(|status| status.evidence_key_id.clone()),
        claimants: claimants(&context.board.lock(), name, context.clock.now().as_second()),
    }
}

/// One identity for each signer in each namespace, and one of each namespace before the second of any: however many statuses
/// the users of one namespace write, those of the others are heard.
#[must_use]
pub fn claimants(board: &Scheduler, authority: &str, now: i64) -> Vec<Claimant> {
    let authority = digest(authority);
    let entries = board.index().entries().map(|(_, entry)| entry);
    let mut seen: [HashSet<(&str, Digest)>; 2] = Default::default();
    let mut by_namespace: BTreeMap<&str, Vec<&IdentityEntry>> = BTreeMap::new();
    for entry in entries.filter(|entry| entry.authority == authority && is_claim(entry, now)) {
        let key_id = entry.recorded.key_id.unwrap_or_default();
        if seen[usize::from(entry.recorded.has_proof)].insert((&entry.namespace, key_id)) {
            by_namespace.entry(&entry.namespace).or_default().push(entry);
        }
    }
    let mut ranked: Vec<(usize, &IdentityEntry)> = Vec::new();
    for entries in by_namespace.values_mut() {
        entries.sort_by_key(|entry| (!entry.recorded.has_proof, &entry.name));
        ranked.extend(entries.iter().copied().enumerate());
    }
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().filter_map(|(_, entry)| claimant(entry)).collect()
}

/// Without a proof, only a status that speaks of the present spec and says Ready was written after the leaf was verified
/// against this authority. An expired leaf is no evidence.
fn is_claim(entry: &IdentityEntry, now: i64) -> bool {
    let recorded = &entry.recorded;
    let is_verified = recorded.has_proof || (entry.is_current() && recorded.is_ready);
    is_verified && recorded.has_valid_leaf(now) && recorded.key_id.is_some()
}

fn claimant(entry: &IdentityEntry) -> Option<Claimant> {
    Some(Claimant {
        namespace: entry.namespace.clone(),
        name: entry.name.clone(),
        key_id: entry.recorded.key_id?,
        has_proof: entry.recorded.has_proof,
    })
}
