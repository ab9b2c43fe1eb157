//! Puts the CA that was decided on into force in this process: the issuers, the scheduler, trust bundles, probes and metrics.

use std::sync::Arc;

use super::consumers::Consumers;
use super::outcome::RootOutcome;
use super::root::loaded_ca::{LoadedCa, LoadedRoot};
use crate::api::MtlsAuthority;
use crate::operator::index::digest::hash_of;
use crate::operator::index::issuer::IssuerEntry;
use crate::operator::issuers::{Issuer, SigningCa, Unready};
use crate::plan::authority::decision::RootDecision;
use crate::plan::authority::spec::AuthoritySpec;
use crate::plan::identity::world::{NotReady, Signer};

/// Puts spec and CA of an authority into force.
pub fn activate(
    consumers: &Consumers,
    authority: &MtlsAuthority,
    spec: Arc<AuthoritySpec>,
    outcome: RootOutcome,
) {
    let (context, bundles) = (consumers.context(), &consumers.bundles.store);
    let before = context.issuers.get(&spec.name);
    let issuer = issuer(authority, spec, outcome);
    let (name, entry) = (issuer.spec.name.clone(), entry(&issuer));
    let has_new_spec = before.as_ref().is_none_or(|before| before.spec != issuer.spec);
    let has_changed = has_new_spec || before.as_deref().and_then(self::entry) != entry;
    match &issuer.signer {
        Ok(ca) => {
            context.metrics.root(&name, ca.facts.window.not_after.as_second());
            bundles.lock().set_current(&name, hash_of(ca.authority.bundle().to_pem()));
        }
        Err(_) => context.metrics.no_root(&name),
    }
    context.issuers.put(issuer);
    consumers.probes.change(|probes| probes.issuer_changed(&name));
    // Each time: the scheduler knows no signer of an authority that was deleted and created again meanwhile.
    context.scheduler.change(|scheduler| {
        scheduler.apply_issuer(&name, entry, context.millis());
        if has_new_spec {
            scheduler.retry_authority(&name, context.millis());
        }
    });
    if has_changed {
        bundles.notify();
    }
}

/// The issuer of an authority after a reconcile.
fn issuer(authority: &MtlsAuthority, spec: Arc<AuthoritySpec>, outcome: RootOutcome) -> Issuer {
    let RootOutcome { decision, loaded, read_at, .. } = outcome;
    let may_sign = decision.signs && matches!(loaded, LoadedRoot::Sound(_));
    let (signer, next) = match loaded.into_held() {
        Some(ca) if may_sign => {
            let halted = decision.is_halted().then(|| not_ready(&decision));
            let facts = Signer { halted, ..ca.facts() };
            let LoadedCa { version, signer, next, evidence_key, .. } = ca;
            let name = authority.root_secret_name();
            (Ok(Arc::new(SigningCa::new(signer.ca, facts, evidence_key, name, version, read_at))), next)
        }
        held => (Err(Unready::Down(not_ready(&decision))), held.and_then(|ca| ca.next)),
    };
    Issuer { spec, signer, next: next.map(|next| next.ca) }
}

/// The signer of an issuer, as the index remembers it.
fn entry(issuer: &Issuer) -> Option<IssuerEntry> {
    issuer.signer.as_ref().ok().map(|ca| IssuerEntry::from(&ca.facts))
}

fn not_ready(decision: &RootDecision) -> NotReady {
    NotReady(format!("{}: {}", decision.reason.as_str(), decision.message))
}
