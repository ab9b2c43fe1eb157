//! The status of an authority: what its roots do, and what a rotation waits for.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::counts::Counts;
use super::reconcile::RootOutcome;
use crate::api::MtlsAuthority;
use crate::api::authority::{
    DistrustedStatus, IdentityCounts, MtlsAuthorityStatus, Phase, RootRole, RootStatus, RotationStatus,
};
use crate::api::conditions::Verdict;
use crate::operator::authority::root::distrusted::taken;
use crate::operator::authority::root::loaded_ca::LoadedCa;
use crate::operator::authority::rotation::blockers::Blockers;
use crate::operator::index::digest::digest;
use crate::pki::{Authority, EvidenceKey, Fingerprint};
use crate::plan::authority::ca_state::CaState;
use crate::plan::authority::distrust::distrust_command;
use crate::plan::authority::retiring_root::RetiringRoot;

/// The status of an authority after a pass, but for `Ready` and `Stalled`.
#[must_use]
pub fn after(authority: &MtlsAuthority, passed: &RootOutcome) -> MtlsAuthorityStatus {
    let before = authority.status.clone().unwrap_or_default();
    let stored = passed.root();
    MtlsAuthorityStatus {
        observed_generation: authority.metadata.generation,
        rotation: Some(rotation(before.rotation.clone().unwrap_or_default(), stored, passed)),
        // The root that is lost stays named: it is the evidence.
        roots: roots(passed, &before.roots).unwrap_or_else(|| before.roots.clone()),
        distrusted: distrusted(authority, passed),
        evidence_key_id: evidence_key_id(passed).or_else(|| before.evidence_key_id.clone()),
        identities: before.identities.clone().or_else(|| Some(IdentityCounts::default())),
        ..before
    }
}

/// What is distrusted and not named by the spec: what status has known, and what the root Secret says.
fn distrusted(authority: &MtlsAuthority, passed: &RootOutcome) -> Vec<DistrustedStatus> {
    let named: Vec<Fingerprint> =
        authority.spec.distrusted_roots.iter().filter_map(|root| root.fingerprint.parse().ok()).collect();
    let known = authority.status.iter().flat_map(|status| &status.distrusted).cloned();
    let held = passed.loaded.held();
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

/// The verdict of a pass, with what people should add to the spec.
#[must_use]
pub fn verdict(passed: &RootOutcome, name: &str, after: &MtlsAuthorityStatus) -> Verdict {
    let verdict = passed.decision.verdict();
    if after.distrusted.is_empty() {
        return verdict;
    }
    let command = distrust_command(name, after.distrusted.iter().map(|root| root.fingerprint.as_str()));
    let message = format!(
        "{}. status.distrusted names roots that were distrusted together with those of spec.distrustedRoots; name them there, so that no backup brings them back: {command}",
        verdict.message
    );
    Verdict { message, ..verdict }
}

/// Name of the evidence key; `None` while nothing signs, or by a root Secret of an older version.
fn evidence_key_id(passed: &RootOutcome) -> Option<String> {
    signing(passed)?.evidence_key.as_ref().map(EvidenceKey::id)
}

/// The rotation after a pass; as it was known before, while the root Secret does not tell.
fn rotation(before: RotationStatus, stored: Option<CaState>, passed: &RootOutcome) -> RotationStatus {
    let Some(root) = stored else {
        let phase = before.phase.or_else(|| Some(Phase::default().as_str().into()));
        return RotationStatus { phase, waiting_for: Vec::new(), excluded: Vec::new(), ..before };
    };
    let phase = Some(root.phase.as_str().to_owned());
    let is_same = before.phase == phase;
    RotationStatus {
        phase_time: passed.loaded.held().and_then(|ca| ca.since).map(Time).or(before.phase_time),
        waiting_for: if is_same { before.waiting_for } else { Vec::new() },
        excluded: if is_same { before.excluded } else { Vec::new() },
        last_handled_rotate: root.rotate_request,
        phase,
    }
}

/// The same rotation with what it waits for now; nothing, while there is none.
#[must_use]
pub fn surveyed(rotation: RotationStatus, survey: Option<&Blockers>) -> RotationStatus {
    RotationStatus {
        waiting_for: survey.map(Blockers::waiting_for).unwrap_or_default(),
        excluded: survey.map(|survey| survey.excluded.clone()).unwrap_or_default(),
        ..rotation
    }
}

/// The roots that sign, will sign or have signed and are trusted; `None` while nothing signs.
fn roots(passed: &RootOutcome, before: &[RootStatus]) -> Option<Vec<RootStatus>> {
    let ca = signing(passed)?;
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

/// The CA in force, while it signs.
fn signing(passed: &RootOutcome) -> Option<&LoadedCa> {
    passed.loaded.held().filter(|_| passed.decision.signs)
}

fn root(ca: &Authority, role: RootRole) -> RootStatus {
    RootStatus {
        fingerprint: ca.fingerprint().to_string(),
        key_id: ca.key_id().to_string(),
        role: role.as_str().into(),
        not_before: Some(Time(ca.window().not_before)),
        not_after: Some(Time(ca.window().not_after)),
        // Counted by the tally.
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
pub fn counted(roots: &[RootStatus], census: &Counts) -> Vec<RootStatus> {
    let leaves = |root: &RootStatus| census.leaves.get(&digest(&root.key_id)).copied().unwrap_or(0);
    roots.iter().map(|root| RootStatus { leaves: leaves(root), ..root.clone() }).collect()
}

/// Whether status names the signer of a pass already, if there is one.
#[must_use]
pub fn names_signer(authority: &MtlsAuthority, passed: &RootOutcome) -> bool {
    let Some(ca) = signing(passed) else { return true };
    let named = authority.status.as_ref().and_then(MtlsAuthorityStatus::signing_root);
    named.is_some_and(|root| root.key_id == ca.signer.ca.key_id().to_string())
}
