//! The status of an authority as a value: the roles of its roots, and what a rotation waits for.
//!
//! What the root Secret does not show stays as it was recorded before: a root that is lost stays named.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::counts::Counts;
use super::outcome::RootOutcome;
use super::root::distrusted::taken;
use super::rotation::blockers::Blockers;
use crate::api::MtlsAuthority;
use crate::api::authority::{
    DistrustedStatus, IdentityCounts, MtlsAuthorityStatus, Phase, RootRole, RootStatus, RotationStatus,
};
use crate::api::conditions::Ready;
use crate::operator::index::digest::digest;
use crate::pki::{Authority, EvidenceKey, Fingerprint};
use crate::plan::authority::ca_state::CaState;
use crate::plan::authority::distrust::distrust_command;
use crate::plan::authority::reason::AuthorityReason;
use crate::plan::authority::retiring_root::RetiringRoot;

/// The status of an authority after a reconcile, but for `Ready` and `Stalled`.
#[must_use]
pub fn after(authority: &MtlsAuthority, outcome: &RootOutcome) -> MtlsAuthorityStatus {
    let before = authority.status.clone().unwrap_or_default();
    MtlsAuthorityStatus {
        observed_generation: authority.metadata.generation,
        rotation: Some(rotation(before.rotation.clone().unwrap_or_default(), outcome.root(), outcome)),
        // A lost root stays named: it is the evidence.
        roots: roots(outcome, &before.roots).unwrap_or_else(|| before.roots.clone()),
        distrusted: distrusted(authority, outcome),
        evidence_key_id: evidence_key_id(outcome).or_else(|| before.evidence_key_id.clone()),
        identities: before.identities.clone().or_else(|| Some(IdentityCounts::default())),
        ..before
    }
}

/// Roots that are distrusted and not named by the spec: those that status names already, and those that the root Secret names.
fn distrusted(authority: &MtlsAuthority, outcome: &RootOutcome) -> Vec<DistrustedStatus> {
    let named: Vec<Fingerprint> =
        authority.spec.distrusted_roots.iter().filter_map(|root| root.fingerprint.parse().ok()).collect();
    let known = authority.status.iter().flat_map(|status| &status.distrusted).cloned();
    let held = outcome.loaded.held();
    let former = held.into_iter().flat_map(|ca| &ca.former).filter_map(|former| former.taken.clone());
    let taken = held.map(taken).unwrap_or_default().into_iter().chain(former).flat_map(|taken| {
        let because = taken.because;
        let fingerprints = taken.fingerprints.into_iter();
        fingerprints.map(move |fingerprint| DistrustedStatus { fingerprint, because: because.clone() })
    });
    let mut all: Vec<DistrustedStatus> = known.chain(taken).collect();
    all.retain(|root| root.fingerprint.parse().is_ok_and(|found| !named.contains(&found)));
    let mut seen = BTreeSet::new();
    all.retain(|root| seen.insert(root.fingerprint.clone()));
    all
}

/// What `Ready` says after a reconcile, with what people should add to the spec.
#[must_use]
pub fn ready(outcome: &RootOutcome, name: &str, after: &MtlsAuthorityStatus) -> Ready<AuthorityReason> {
    let ready = outcome.decision.ready();
    if after.distrusted.is_empty() {
        return ready;
    }
    let command = distrust_command(name, after.distrusted.iter().map(|root| root.fingerprint.as_str()));
    let message = format!(
        "{}. status.distrusted names roots that were distrusted together with those of spec.distrustedRoots; name them there, so that no backup brings them back: {command}",
        ready.message
    );
    Ready { message, ..ready }
}

/// Name of the evidence key; `None` while nothing signs, or by a root Secret of an older version.
fn evidence_key_id(outcome: &RootOutcome) -> Option<String> {
    outcome.signing()?.evidence_key.as_ref().map(EvidenceKey::id)
}

/// The rotation after a reconcile; as it was recorded before, where the root Secret does not show it.
fn rotation(before: RotationStatus, root: Option<CaState>, outcome: &RootOutcome) -> RotationStatus {
    let Some(root) = root else {
        let phase = before.phase.or_else(|| Some(Phase::default().as_str().into()));
        return RotationStatus { phase, waiting_for: Vec::new(), excluded: Vec::new(), ..before };
    };
    let phase = Some(root.phase.as_str().to_owned());
    let is_same = before.phase == phase;
    RotationStatus {
        phase_time: outcome.loaded.held().and_then(|ca| ca.since).map(Time).or(before.phase_time),
        waiting_for: if is_same { before.waiting_for } else { Vec::new() },
        excluded: if is_same { before.excluded } else { Vec::new() },
        last_handled_rotate: root.rotate_request,
        phase,
    }
}

/// The same rotation with what it waits for now; nothing, while there is none, and as it was recorded, while that is not known.
#[must_use]
pub fn with_blockers(rotation: RotationStatus, blockers: Option<&Blockers>) -> RotationStatus {
    if blockers.is_some_and(|blockers| blockers.are_bundles_unknown) {
        return rotation;
    }
    RotationStatus {
        waiting_for: blockers.map(Blockers::waiting_for).unwrap_or_default(),
        excluded: blockers.map(|blockers| blockers.excluded.clone()).unwrap_or_default(),
        ..rotation
    }
}

/// The roots that sign, will sign or have signed and are trusted; `None` while nothing signs.
fn roots(outcome: &RootOutcome, before: &[RootStatus]) -> Option<Vec<RootStatus>> {
    let ca = outcome.signing()?;
    let signer = RootStatus { certified: ca.certified(), ..root(&ca.signer.ca, RootRole::Signing) };
    let mut roots = vec![signer];
    roots.extend(ca.next.iter().map(|next| root(&next.ca, RootRole::Next)));
    roots.extend(ca.retiring.iter().map(retiring));
    for root in &mut roots {
        let counted = before.iter().find(|other| other.key_id == root.key_id);
        root.leaves = counted.map_or(0, |other| other.leaves);
    }
    Some(roots)
}

fn root(ca: &Authority, role: RootRole) -> RootStatus {
    RootStatus {
        fingerprint: ca.fingerprint().to_string(),
        key_id: ca.key_id().to_string(),
        role: role.as_str().into(),
        not_before: Some(Time(ca.window().not_before)),
        not_after: Some(Time(ca.window().not_after)),
        // The summary counts them.
        leaves: 0,
        certified: Vec::new(),
    }
}

fn retiring(root: &RetiringRoot) -> RootStatus {
    RootStatus {
        fingerprint: root.fingerprint.clone(),
        key_id: root.key_id.clone(),
        role: RootRole::Retiring.as_str().into(),
        not_before: Some(Time(root.not_before)),
        not_after: Some(Time(root.not_after)),
        leaves: 0,
        certified: root.certified.clone().unwrap_or_default(),
    }
}

/// The same roots with their leaves counted.
#[must_use]
pub fn with_leaves(roots: &[RootStatus], counts: &Counts) -> Vec<RootStatus> {
    let leaves = |root: &RootStatus| counts.leaves.get(&digest(&root.key_id)).copied().unwrap_or(0);
    roots.iter().map(|root| RootStatus { leaves: leaves(root), ..root.clone() }).collect()
}

/// Whether status names the signer already, where there is one.
#[must_use]
pub fn names_signer(authority: &MtlsAuthority, outcome: &RootOutcome) -> bool {
    let Some(ca) = outcome.signing() else { return true };
    let named = authority.status.as_ref().and_then(MtlsAuthorityStatus::signing_root);
    named.is_some_and(|root| root.key_id == ca.signer.ca.key_id().to_string())
}
