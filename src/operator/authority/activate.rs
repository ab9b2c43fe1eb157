//! Tells everybody in this process who signs for an authority, and what Secrets have to follow.

use std::sync::Arc;

use super::reconcile::RootOutcome;
use crate::api::MtlsAuthority;
use crate::operator::authority::root::loaded_ca::{LoadedCa, LoadedRoot};
use crate::operator::context::Context;
use crate::operator::index::digest::digest;
use crate::operator::index::issuer::{IssuerEntry, RetiringEntry};
use crate::operator::issuers::{Issuer, SigningCa, Unready};
use crate::plan::authority::decision::RootDecision;
use crate::plan::authority::spec::AuthoritySpec;
use crate::plan::identity::world::{NotReady, RetiringSigner, Rollout, Signer};

/// Tells everybody who signs from now on.
pub fn publish(context: &Context, authority: &MtlsAuthority, terms: Arc<AuthoritySpec>, passed: RootOutcome) {
    let before = context.authorities.get(&terms.name);
    let RootOutcome { decision, loaded, read_at, .. } = passed;
    let may_sign = decision.signs && matches!(loaded, LoadedRoot::Sound(_));
    let (signer, next) = match loaded.into_held() {
        Some(ca) if may_sign => {
            let halted = decision.is_halted().then(|| not_ready(&decision));
            let facts = Signer { halted, ..facts(&ca) };
            let LoadedCa { version, signer, next, evidence_key, .. } = ca;
            let name = authority.root_secret_name();
            (Ok(Arc::new(SigningCa::new(signer.ca, facts, evidence_key, name, version, read_at))), next)
        }
        held => (Err(unready(&decision)), held.and_then(|ca| ca.next)),
    };
    match &signer {
        Ok(root) => context.metrics.root(&terms.name, root.facts.window.not_after.as_second()),
        Err(_) => context.metrics.no_root(&terms.name),
    }
    let mark = signer.as_ref().ok().map(|root| signer_mark(&root.facts));
    let has_new_terms = before.as_ref().is_none_or(|before| before.terms != terms);
    let is_news = has_new_terms || before.as_deref().and_then(mark_of) != mark;
    let name = terms.name.clone();
    if let Ok(root) = &signer {
        let text = digest(root.authority.bundle().to_pem());
        context.bundles.lock().set_current(&name, text);
    }
    context.authorities.put(Issuer { terms, signer, next: next.map(|next| next.ca) });
    context.probes.ring();
    // The board is told each time: where the authority was deleted and made anew meanwhile, it knows no signer any more.
    context.board.change(|board| {
        board.saw_signer(&name, mark, context.millis());
        if has_new_terms {
            board.put_terms_in_force(&name, context.millis());
        }
    });
    if is_news {
        context.bundles.notify();
    }
}

/// Who signs, as the index remembers it.
fn mark_of(service: &Issuer) -> Option<IssuerEntry> {
    service.signer.as_ref().ok().map(|root| signer_mark(&root.facts))
}

fn unready(decision: &RootDecision) -> Unready {
    Unready::Down(not_ready(decision))
}

fn not_ready(decision: &RootDecision) -> NotReady {
    NotReady(format!("{}: {}", decision.reason.as_str(), decision.message))
}

/// What decisions on identities need of a root in force.
#[must_use]
pub fn facts(ca: &LoadedCa) -> Signer {
    let (signer, next) = (&ca.signer.ca, ca.next.as_ref());
    let key_id = signer.key_id().to_string();
    Signer {
        window: signer.window(),
        trust: signer.bundle().hash(),
        rotation: Rollout {
            is_announced: next.is_some(),
            retiring: retiring(ca, &key_id),
            former_trust: ca.former_trust.clone(),
            step: ca.step,
            distrusted: distrusted(ca, &key_id),
            known: ca.signers(),
            next: next.map(|next| next.ca.key_id().to_string()),
        },
        halted: None,
        key_id,
    }
}

/// Signers whose leaves are to be replaced. A root that was renewed with its key is its own successor: its leaves stay.
fn retiring(ca: &LoadedCa, signer: &str) -> Vec<RetiringSigner> {
    let others = ca.retiring.iter().filter(|root| root.key_id != signer);
    others.map(|root| RetiringSigner { key_id: root.key_id.clone(), until: root.until }).collect()
}

/// Signers whose leaves are to be replaced at once.
fn distrusted(ca: &LoadedCa, signer: &str) -> Vec<String> {
    let former = ca.former.iter().filter(|former| former.distrusted);
    former.map(|former| former.key_id.clone()).filter(|key_id| key_id != signer).collect()
}

/// The same, as the index remembers it.
#[must_use]
pub fn signer_mark(signer: &Signer) -> IssuerEntry {
    IssuerEntry {
        key_id: digest(&signer.key_id),
        not_after: signer.window.not_after.as_second(),
        trust: digest(&signer.trust),
        former_trust: signer.rotation.former_trust.as_deref().map(digest),
        is_announced: signer.rotation.is_announced,
        retiring: signer.rotation.retiring.iter().map(retiring_mark).collect(),
        step: signer.rotation.step,
        distrusted: signer.rotation.distrusted.iter().map(|key_id| digest(key_id)).collect(),
        is_halted: signer.halted.is_some(),
        known: signer.rotation.known.iter().map(|key_id| digest(key_id)).collect(),
    }
}

fn retiring_mark(signer: &RetiringSigner) -> RetiringEntry {
    RetiringEntry { key_id: digest(&signer.key_id), until: signer.until.as_second() }
}
