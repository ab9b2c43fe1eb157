//! Gathers the signers that the statuses of an authority and of its identities name.
//!
//! It is done before the root Secret is read, since the watches are independent: a root is called lost only if a GET made later
//! does not explain it (I11).

use std::collections::{BTreeMap, HashSet};

use crate::api::MtlsAuthority;
use crate::api::authority::MtlsAuthorityStatus;
use crate::operator::context::Context;
use crate::operator::index::digest::{Digest, digest};
use crate::operator::index::identity::IdentityEntry;
use crate::operator::scheduler::Scheduler;
use crate::plan::authority::known_signers::{Claimant, KnownSigners, RecordedSigner};

/// Gathers them.
#[must_use]
pub fn known_signers(context: &Context, authority: &MtlsAuthority) -> KnownSigners<Digest> {
    let status = authority.status.as_ref();
    let name = authority.metadata.name.as_deref().unwrap_or_default();
    let signing = status.and_then(MtlsAuthorityStatus::signing_root);
    let recorded =
        signing.map(|root| RecordedSigner { key_id: digest(&root.key_id), text: root.key_id.clone() });
    KnownSigners {
        recorded,
        evidence_key_id: status.and_then(|status| status.evidence_key_id.clone()),
        claimants: claimants(&context.scheduler.lock(), name, context.clock.now().as_second()),
    }
}

/// One identity for each signer in each namespace, and one of each namespace before the second of any: however many statuses
/// the users of one namespace write, those of the others are considered.
#[must_use]
pub fn claimants(scheduler: &Scheduler, authority: &str, now: i64) -> Vec<Claimant<Digest>> {
    let authority = digest(authority);
    let entries = scheduler.index().entries().map(|(_, entry)| entry);
    let mut seen: [HashSet<(&str, Option<Digest>)>; 2] = Default::default();
    let mut by_namespace: BTreeMap<&str, Vec<&IdentityEntry>> = BTreeMap::new();
    for entry in entries.filter(|entry| entry.authority == authority && is_claim(entry, now)) {
        let key_id = entry.recorded.key_id;
        if seen[usize::from(entry.recorded.has_proof)].insert((&entry.namespace, key_id)) {
            by_namespace.entry(&entry.namespace).or_default().push(entry);
        }
    }
    let mut ranked: Vec<(usize, &IdentityEntry)> = Vec::new();
    for entries in by_namespace.values_mut() {
        entries.sort_by_key(|entry| (!entry.recorded.has_proof, entry.name()));
        ranked.extend(entries.iter().copied().enumerate());
    }
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().filter_map(|(_, entry)| claimant(entry)).collect()
}

/// Without a proof, only a status of the present generation that is Ready was written after the leaf was verified against this
/// authority. An expired leaf is no evidence.
fn is_claim(entry: &IdentityEntry, now: i64) -> bool {
    let recorded = &entry.recorded;
    let is_verified = recorded.has_proof || (entry.is_current && recorded.is_ready);
    is_verified && recorded.has_valid_leaf(now) && recorded.key_id.is_some()
}

fn claimant(entry: &IdentityEntry) -> Option<Claimant<Digest>> {
    Some(Claimant {
        namespace: entry.namespace.clone(),
        name: entry.name().into(),
        key_id: entry.recorded.key_id?,
        has_proof: entry.recorded.has_proof,
    })
}
