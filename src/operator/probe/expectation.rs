//! What the servers of an identity are expected to be like now, from status, index and issuers.
//!
//! Nothing is expected while status and Secret belong to different issuances, or the authority cannot sign.

use std::sync::Arc;

use jiff::Timestamp;

use super::store::Candidate;
use crate::api::probe::{ClientCertificates, ProbeSpec};
use crate::api::word::Word;
use crate::operator::context::Context;
use crate::operator::index::digest::{digest, version_number};
use crate::operator::issuers::{Issuer, SigningCa};
use crate::plan::probe::verdict::{Expected, NextRoot};

/// What probes of an identity need: its leaf is in force, and its authority signs.
pub struct ProbeTarget {
    /// What its servers are expected to be like, by every probe.
    pub expected: Expected,
    /// The issuer of its authority.
    pub issuer: Arc<Issuer>,
    /// The root that signs.
    pub root: Arc<SigningCa>,
}

impl ProbeTarget {
    /// What the servers of one probe are expected to be like.
    #[must_use]
    pub fn expects(&self, probe: &ProbeSpec) -> Expected {
        let allows_untrusted = probe.client_certificates != Word::Known(ClientCertificates::Required);
        Expected { allows_untrusted, ..self.expected.clone() }
    }
}

/// The identities that can be probed now, each with its target.
pub(super) fn targets(context: &Context, candidates: Vec<Candidate>) -> Vec<(Candidate, Arc<ProbeTarget>)> {
    let with_target = |candidate| target(context, &candidate).map(|target| (candidate, Arc::new(target)));
    candidates.into_iter().filter_map(with_target).collect()
}

fn target(context: &Context, candidate: &Candidate) -> Option<ProbeTarget> {
    let identity = &candidate.identity;
    let status = identity.status.as_ref()?;
    let issuer = context.issuers.get(&identity.spec.authority_ref.name)?;
    let root = issuer.signer.as_ref().ok()?.clone();
    let recorded = version_number(&status.secret.as_ref()?.resource_version);
    let namespace = identity.metadata.namespace.as_deref()?;
    // Locked for each identity: workers wait for this lock, and there may be thousands of identities.
    let (issued_at, trust) = {
        let scheduler = context.scheduler.lock();
        let secret = scheduler.index().secret(namespace, &identity.secret_name())?;
        (secret.issued_at.filter(|_| secret.version == recorded)?, secret.trust)
    };
    let carries_next = trust == Some(digest(&root.facts.trust));
    let next = issuer.next.as_ref().filter(|_| carries_next).map(|next| next.fingerprint().to_string());
    let next = next.map(|fingerprint| match &candidate.next {
        Some(known) if known.fingerprint == fingerprint => known.clone(),
        _ => NextRoot { fingerprint, since: context.clock.now() },
    });
    let expected = Expected {
        serial: status.serial.clone()?,
        spiffe_id: status.spiffe_id.clone()?,
        issued_at: Timestamp::from_second(issued_at.get()).ok()?,
        propagation: issuer.spec.propagation,
        next,
        allows_untrusted: false,
    };
    Some(ProbeTarget { expected, issuer, root })
}
