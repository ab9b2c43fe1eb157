//! What servers of an identity should be like now, from what the operator knows anyway.

use std::sync::Arc;

use jiff::Timestamp;

use super::store::ProbedIdentity;
use crate::api::probe::{ClientCertificates, ProbeSpec};
use crate::api::word::Word;
use crate::operator::context::Context;
use crate::operator::index::digest::{digest, version_number};
use crate::operator::issuers::{Issuer, SigningCa};
use crate::plan::probe::verdict::{Expected, NextRoot};

/// An identity whose leaf is in force and whose authority signs.
pub struct ProbeTarget {
    /// What its servers should be like, whichever probe looks at them.
    pub expected: Expected,
    /// Its authority.
    pub service: Arc<Issuer>,
    /// The root that signs.
    pub root: Arc<SigningCa>,
}

impl ProbeTarget {
    /// What the servers that this probe looks at should be like.
    #[must_use]
    pub fn expects(&self, probe: &ProbeSpec) -> Expected {
        let allows_strangers = probe.client_certificates != Word::Known(ClientCertificates::Required);
        Expected { allows_strangers, ..self.expected.clone() }
    }
}

/// The outlook of an identity; `None` while its leaf and its status do not speak of the same issuance, or nobody signs.
pub fn outlook(context: &Context, ward: &mut ProbedIdentity) -> Option<ProbeTarget> {
    let identity = &ward.identity;
    let status = identity.status.as_ref()?;
    let service = context.authorities.get(&identity.spec.authority_ref.name)?;
    let root = service.signer.as_ref().ok()?.clone();
    let recorded = version_number(&status.secret.as_ref()?.resource_version);
    let namespace = identity.metadata.namespace.as_deref()?;
    let (issued_at, trust) = {
        let board = context.board.lock();
        let secret = board.index().secret(namespace, &identity.secret_name())?;
        (secret.issued_at.filter(|_| secret.version == recorded)?, secret.trust)
    };
    let carries_next = trust == Some(digest(&root.facts.trust));
    let next = service.next.as_ref().filter(|_| carries_next).map(|next| next.fingerprint().to_string());
    ward.next = next.map(|fingerprint| match ward.next.take() {
        Some(known) if known.fingerprint == fingerprint => known,
        _ => NextRoot { fingerprint, since: context.clock.now() },
    });
    let expected = Expected {
        serial: status.serial.clone()?,
        spiffe_id: status.spiffe_id.clone()?,
        issued_at: Timestamp::from_second(issued_at.get()).ok()?,
        propagation: service.terms.propagation,
        next: ward.next.clone(),
        allows_strangers: false,
    };
    Some(ProbeTarget { expected, service, root })
}
