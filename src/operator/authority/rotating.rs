//! The condition `Rotating`: how far a rotation is, in sentences.
//!
//! A request or exclusion that has no effect yet is reported, with the reason.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::outcome::RootOutcome;
use super::rotation::blockers::MAX_NAMES;
use crate::api::authority::{MtlsAuthorityStatus, Phase, RotationStatus, WaitingKind};
use crate::api::conditions::{ROTATING, stated};
use crate::api::names::annotation;
use crate::pki::abbreviated;
use crate::plan::authority::ca_state::{CaState, NextCa};
use crate::plan::authority::progress::{Deferred, PendingRequest, RotationProgress};
use crate::plan::authority::spec::AuthoritySpec;
use crate::plan::authority::timing::forced_at;

/// How far a rotation is, in a sentence for the condition `Rotating`.
#[must_use]
pub fn rotating_message(outcome: &RootOutcome, spec: &AuthoritySpec) -> String {
    let exclusion = exclusion_note(&outcome.blockers.unknown, outcome.is_exclusion_spent);
    let unconfirmed = outcome.blockers.unconfirmed.as_ref();
    let unconfirmed = unconfirmed.map(|why| format!(". It does not continue yet: {why}")).unwrap_or_default();
    let frozen = if spec.unread.freezes_root() {
        ". The root is not changed while a part of the spec cannot be read: see the condition Ready"
    } else {
        ""
    };
    format!("{}{unconfirmed}{exclusion}{frozen}", progress_note(outcome, spec))
}

/// What becomes of the annotation that excludes identities and bundles: every entry without an effect is reported.
fn exclusion_note(unknown: &[String], is_spent: bool) -> String {
    let what = annotation::ROTATION_EXCLUDE;
    if is_spent {
        return format!(
            ". The value of the annotation {what} was used by an earlier rotation; change it to exclude again"
        );
    }
    match unknown {
        [] => String::new(),
        names if names.len() > MAX_NAMES => {
            let first = names[..MAX_NAMES].join(", ");
            format!(
                ". The annotation {what} names what does not exist: {first} and {} more",
                names.len() - MAX_NAMES
            )
        }
        names => format!(". The annotation {what} names what does not exist: {}", names.join(", ")),
    }
}

fn progress_note(outcome: &RootOutcome, spec: &AuthoritySpec) -> String {
    match (outcome.progress, outcome.root()) {
        (RotationProgress::Known(pending), Some(root)) => {
            let sentences = [pending.map(request_note), outcome.deferred.map(deferred_note)];
            let sentences = sentences.into_iter().flatten().map(|sentence| format!(". {sentence}"));
            format!("{}{}", phase_note(&root, spec), sentences.collect::<String>())
        }
        (RotationProgress::Unknown(_), _) => {
            "it is unknown whether the root is being changed: the root Secret is missing, unusable or another one. status.rotation and status.roots are what was seen last; the condition Ready says what to do"
                .into()
        }
        (RotationProgress::Halted | RotationProgress::Known(_), _) => "no root signs".into(),
    }
}

/// What a phase means. What it waits for is added when the condition is made.
fn phase_note(root: &CaState, spec: &AuthoritySpec) -> String {
    match (root.phase, &root.next) {
        (Phase::Announced, Some(next)) => {
            let latest = forced_at(root, spec.propagation);
            let fingerprint = abbreviated(&next.fingerprint);
            format!(
                "root {fingerprint} is announced; it signs when every Secret and trust bundle has carried it for rotation.propagation, at the latest at {latest}{}",
                cut_off_note(root, next)
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
fn cut_off_note(root: &CaState, next: &NextCa) -> &'static str {
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
fn request_note(pending: PendingRequest) -> String {
    let what = annotation::ROTATE;
    match pending {
        PendingRequest::Queued => {
            format!("The annotation {what} asks for another rotation, which begins when this one has ended")
        }
        PendingRequest::NotRotatable => format!(
            "The annotation {what} asks for another root, but the operator cannot make the successor of a provided CA: put a CA with another root into the Secret that spec.root.provided.secretName names, or remove the annotation"
        ),
    }
}

/// What becomes of a change of the provided CA.
fn deferred_note(deferred: Deferred) -> String {
    let place = "the Secret that spec.root.provided.secretName names";
    match deferred {
        Deferred::Anchors => {
            format!("The anchors in ca.crt of {place} have changed, and follow when this rotation has ended")
        }
        Deferred::Ca => {
            format!("Another CA is in {place}, and is announced when this rotation has ended")
        }
        Deferred::Removal => {
            "spec.root.provided is no longer set: a generated root is announced when this rotation has ended"
                .into()
        }
    }
}

/// The condition `Rotating`: a phase, how far it is, and what it waits for; or why that is not known.
#[must_use]
pub fn rotating_condition(
    status: &MtlsAuthorityStatus,
    progress: RotationProgress,
    message: &str,
    now: Timestamp,
) -> Condition {
    let phase = status.phase().unwrap_or_default();
    let rotation = status.rotation.as_ref().filter(|_| progress.is_known());
    let (holds, reason) = match (progress, phase) {
        (RotationProgress::Unknown(reason), _) => ("Unknown", reason.as_str()),
        (_, Phase::Stable) => ("False", phase.as_str()),
        _ => ("True", phase.as_str()),
    };
    let message = rotation.map_or_else(|| message.to_owned(), |rotation| with_waiting(message, rotation));
    stated(ROTATING, (holds, reason, &message), &status.conditions, status.observed_generation, now)
}

fn with_waiting(message: &str, rotation: &RotationStatus) -> String {
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
    format!("{message}{}{excluded}", waiting.collect::<String>())
}
