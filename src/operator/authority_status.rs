//! The status of an authority: what its roots do, and what a rotation waits for.

use std::collections::BTreeSet;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::census::Census;
use super::entry::digest;
use super::root::Passed;
use super::root_notes::Retiring;
use super::sight::{NAMES, Survey};
use crate::api::MtlsAuthority;
use crate::api::authority::{
    DistrustedStatus, IdentityCounts, MtlsAuthorityStatus, Phase, RootRole, RootStatus, RotationStatus,
    WaitingKind,
};
use crate::api::conditions::{ROTATING, Verdict, stated};
use crate::api::names::annotation;
use crate::pki::{Authority, Fingerprint};
use crate::plan::course::{Course, Deferred, Unanswered};
use crate::plan::root::{StoredNext, StoredRoot};
use crate::plan::rotation::forced_at;
use crate::plan::terms::Terms;

/// The status of an authority after a pass, but for `Ready` and `Stalled`.
#[must_use]
pub fn after(authority: &MtlsAuthority, passed: &Passed) -> MtlsAuthorityStatus {
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
fn distrusted(authority: &MtlsAuthority, passed: &Passed) -> Vec<DistrustedStatus> {
    let named: Vec<Fingerprint> =
        authority.spec.distrusted_roots.iter().filter_map(|root| root.fingerprint.parse().ok()).collect();
    let known = authority.status.iter().flat_map(|status| &status.distrusted).cloned();
    let taken = passed.loaded.succession.former.iter().filter_map(|former| former.taken.as_ref());
    let taken = taken.flat_map(|taken| {
        let because = &taken.because;
        taken.fingerprints.iter().map(|fingerprint| DistrustedStatus {
            fingerprint: fingerprint.clone(),
            because: because.clone(),
        })
    });
    let mut all: Vec<DistrustedStatus> = known.chain(taken).collect();
    all.retain(|root| root.fingerprint.parse().is_ok_and(|found| !named.contains(&found)));
    let mut seen = BTreeSet::new();
    all.retain(|root| seen.insert(root.fingerprint.clone()));
    all
}

/// The verdict of a pass, with what people should add to the spec.
#[must_use]
pub fn verdict(passed: &Passed, name: &str, after: &MtlsAuthorityStatus) -> Verdict {
    let verdict = passed.decision.verdict();
    if after.distrusted.is_empty() {
        return verdict;
    }
    let entries = after.distrusted.iter().map(|root| {
        let add = "{\"op\":\"add\",\"path\":\"/spec/distrustedRoots/-\",\"value\":{\"fingerprint\":";
        format!("{add}\"{}\"}}}}", root.fingerprint)
    });
    let patch = entries.collect::<Vec<_>>().join(",");
    let message = format!(
        "{}. status.distrusted names roots that were distrusted with those of spec.distrustedRoots; name them there, so that no backup brings them back: kubectl patch mtlsauthority {name} --type=json -p '[{patch}]'",
        verdict.message
    );
    Verdict { message, ..verdict }
}

/// Name of the evidence key; `None` while nothing signs, or by a root Secret of an older version.
fn evidence_key_id(passed: &Passed) -> Option<String> {
    let key = passed.loaded.succession.evidence_key.as_ref().filter(|_| passed.decision.signs)?;
    Some(key.id())
}

/// The rotation after a pass; as it was known before, while the root Secret does not tell.
fn rotation(before: RotationStatus, stored: Option<&StoredRoot>, passed: &Passed) -> RotationStatus {
    let Some(root) = stored else {
        let phase = before.phase.or_else(|| Some(Phase::default().as_str().into()));
        return RotationStatus { phase, waiting_for: Vec::new(), excluded: Vec::new(), ..before };
    };
    let phase = Some(root.phase.as_str().to_owned());
    let is_same = before.phase == phase;
    RotationStatus {
        phase_time: passed.loaded.succession.since.map(Time).or(before.phase_time),
        waiting_for: if is_same { before.waiting_for } else { Vec::new() },
        excluded: if is_same { before.excluded } else { Vec::new() },
        last_handled_rotate: root.rotate_request.clone(),
        phase,
    }
}

/// The same rotation with what it waits for now; nothing, while there is none.
#[must_use]
pub fn surveyed(rotation: RotationStatus, survey: Option<&Survey>) -> RotationStatus {
    RotationStatus {
        waiting_for: survey.map(Survey::waiting_for).unwrap_or_default(),
        excluded: survey.map(|survey| survey.excluded.clone()).unwrap_or_default(),
        ..rotation
    }
}

/// The roots that sign, will sign or have signed and are trusted; `None` while nothing signs.
fn roots(passed: &Passed, before: &[RootStatus]) -> Option<Vec<RootStatus>> {
    let loaded = &passed.loaded;
    let signer = loaded.authority.as_ref().filter(|_| passed.decision.signs)?;
    let mut roots = vec![root(signer, RootRole::Signing)];
    roots.extend(loaded.succession.next.iter().map(|next| root(next, RootRole::Next)));
    roots.extend(loaded.succession.retiring.iter().map(retiring));
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
        // Counted by the tally.
        leaves: 0,
    }
}

fn retiring(root: &Retiring) -> RootStatus {
    RootStatus {
        fingerprint: root.fingerprint.clone(),
        key_id: root.key_id.clone(),
        role: RootRole::Retiring.as_str().into(),
        not_before: Some(Time(root.not_before)),
        not_after: Some(Time(root.not_after)),
        leaves: 0,
    }
}

/// The same roots with their leaves counted.
#[must_use]
pub fn counted(roots: &[RootStatus], census: &Census) -> Vec<RootStatus> {
    let leaves = |root: &RootStatus| census.leaves.get(&digest(&root.key_id)).copied().unwrap_or(0);
    roots.iter().map(|root| RootStatus { leaves: leaves(root), ..root.clone() }).collect()
}

/// Whether status names the signer of a pass already, if there is one.
#[must_use]
pub fn names_signer(authority: &MtlsAuthority, passed: &Passed) -> bool {
    let Some(signer) = passed.loaded.authority.as_ref().filter(|_| passed.decision.signs) else {
        return true;
    };
    let named = authority.status.as_ref().and_then(MtlsAuthorityStatus::signing_root);
    named.is_some_and(|root| root.key_id == signer.key_id().to_string())
}

/// How a rotation gets on, in a sentence for the condition `Rotating`.
#[must_use]
pub fn progress(passed: &Passed, terms: &Terms) -> String {
    let exclusion = of_exclusion(&passed.survey.unknown, passed.is_exclusion_spent);
    let unconfirmed = passed.survey.unconfirmed.as_ref();
    let unconfirmed = unconfirmed.map(|why| format!(". It does not go on yet: {why}")).unwrap_or_default();
    let frozen = if terms.unread.freezes_root() {
        ". The root is not changed while a part of the spec cannot be read: see the condition Ready"
    } else {
        ""
    };
    format!("{}{unconfirmed}{exclusion}{frozen}", course_of(passed, terms))
}

/// What becomes of the annotation that excludes identities and bundles: none of it is passed over in silence.
fn of_exclusion(unknown: &[String], is_spent: bool) -> String {
    let what = annotation::ROTATION_EXCLUDE;
    if is_spent {
        return format!(
            ". The value of the annotation {what} has served a rotation; change it to exclude again"
        );
    }
    match unknown {
        [] => String::new(),
        names if names.len() > NAMES => {
            let first = names[..NAMES].join(", ");
            format!(
                ". The annotation {what} names what does not exist: {first} and {} more",
                names.len() - NAMES
            )
        }
        names => format!(". The annotation {what} names what does not exist: {}", names.join(", ")),
    }
}

fn course_of(passed: &Passed, terms: &Terms) -> String {
    match (passed.course, passed.root()) {
        (Course::Known(unanswered), Some(root)) => {
            let sentences = [unanswered.map(of_request), passed.deferred.map(of_deferred)];
            let sentences = sentences.into_iter().flatten().map(|sentence| format!(". {sentence}"));
            format!("{}{}", of_phase(root, terms), sentences.collect::<String>())
        }
        (Course::Unknown(_), _) => {
            "nobody knows whether the root is being changed: the root Secret is missing, unusable or another one. status.rotation and status.roots are what was seen last; the condition Ready says what to do"
                .into()
        }
        (Course::Halted | Course::Known(_), _) => "no root signs".into(),
    }
}

/// What a phase means. Whom it waits for is added when the condition is made.
fn of_phase(root: &StoredRoot, terms: &Terms) -> String {
    match (root.phase, &root.next) {
        (Phase::Announced, Some(next)) => {
            let latest = forced_at(root, terms.propagation);
            let fingerprint = next.fingerprint.get(..16).unwrap_or_default();
            format!(
                "root {fingerprint} is announced; it signs when every Secret and trust bundle has carried it for rotation.propagation, at the latest at {latest}{}",
                of_cut_off(root, next)
            )
        }
        (Phase::Draining, _) => {
            let until = root.retiring.iter().map(|former| former.until).max().unwrap_or(root.since);
            format!(
                "the new root signs; the former one is trusted until its last leaf can have expired, at {until}, and none was seen for rotation.propagation. Nothing need be done"
            )
        }
        _ => format!("one root signs and is trusted, until {}", root.window.not_after),
    }
}

/// Which consumers the switch cuts off.
fn of_cut_off(root: &StoredRoot, next: &StoredNext) -> &'static str {
    match (next.is_certified, root.is_certified) {
        (false, _) => {
            ". No cross-certificate leads to it: a consumer that has not loaded it by then refuses its certificates"
        }
        (true, true) => {
            ". A consumer that has not loaded its trust bundle since the rotation before this one refuses its certificates: restart it before then"
        }
        (true, false) => "",
    }
}

/// What becomes of a request. Its value is not repeated: it can be of any length.
fn of_request(unanswered: Unanswered) -> String {
    let what = annotation::ROTATE;
    match unanswered {
        Unanswered::AfterThis => {
            format!("The annotation {what} asks for another rotation, which begins when this one has ended")
        }
        Unanswered::OnlyPeople => format!(
            "The annotation {what} asks for another root, but only people can make the successor of what they provide: put a CA with another root into the Secret that spec.root.provided.secretName names, or remove the annotation"
        ),
    }
}

/// What becomes of a change of the CA that people provide.
fn of_deferred(deferred: Deferred) -> String {
    let place = "the Secret that spec.root.provided.secretName names";
    match deferred {
        Deferred::Anchors => {
            format!("The anchors in ca.crt of {place} have changed, and follow when this rotation has ended")
        }
        Deferred::Ca => {
            format!("Another CA lies in {place}, and is announced when this rotation has ended")
        }
        Deferred::Removal => {
            "spec.root.provided is no longer set: a generated root is announced when this rotation has ended"
                .into()
        }
    }
}

/// The condition `Rotating`: a phase, how it gets on, and whom it waits for; or why nobody knows.
#[must_use]
pub fn rotating(status: &MtlsAuthorityStatus, course: Course, progress: &str, now: Timestamp) -> Condition {
    let phase = status.phase().unwrap_or_default();
    let rotation = status.rotation.as_ref().filter(|_| course.is_known());
    let (holds, reason) = match (course, phase) {
        (Course::Unknown(reason), _) => ("Unknown", reason.as_str()),
        (_, Phase::Stable) => ("False", phase.as_str()),
        _ => ("True", phase.as_str()),
    };
    let message = rotation.map_or_else(|| progress.to_owned(), |rotation| told(progress, rotation));
    let said = (holds, reason, message.as_str());
    stated(ROTATING, said, &status.conditions, status.observed_generation, now)
}

fn told(progress: &str, rotation: &RotationStatus) -> String {
    let kinds = [
        (WaitingKind::Identity, "Behind"),
        (WaitingKind::TrustBundle, "Bundles behind"),
        (WaitingKind::Endpoint, "Not seen to trust it"),
    ];
    let waiting = rotation.waiting_for.iter().map(|waiting| {
        let known = kinds.iter().find(|(kind, _)| waiting.kind == kind.as_str());
        let what = known.map_or(waiting.kind.as_str(), |(_, what)| what);
        format!(". {what}: {} ({})", waiting.count, waiting.first.join(", "))
    });
    let excluded = match &*rotation.excluded {
        [] => String::new(),
        names => format!(". Not waited for: {}", names.join(", ")),
    };
    format!("{progress}{}{excluded}", waiting.collect::<String>())
}
