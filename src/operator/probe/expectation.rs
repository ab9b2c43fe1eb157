//! What the servers of an identity are expected to be like now, from status, index and issuers.
//!
//! Nothing is expected while status and Secret belong to different issuances, or the authority cannot sign.

use std::sync::Arc;

use jiff::Timestamp;

use super::candidates::Candidate;
use crate::api::namespaced_name::NamespacedName;
use crate::operator::context::Context;
use crate::operator::index::digest::digest;
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

/// What probes of an identity need; `None` where it cannot be probed now.
pub(super) fn target(context: &Context, candidate: &Candidate) -> Option<ProbeTarget> {
    let (NamespacedName { namespace, name }, object) = (&*candidate.name, &candidate.object);
    let leaf = object.leaf.as_ref()?;
    let issuer = context.issuers.get(&object.authority)?;
    let root = issuer.signer.as_ref().ok()?.clone();
    // Locked for each identity: workers wait for this lock, and there may be thousands of identities.
    let (issued_at, trust) = {
        let scheduler = context.scheduler.lock();
        let secret = scheduler.index().secret(namespace, &object.secret_name(name))?;
        (secret.issued_at.filter(|_| secret.version == leaf.secret_version)?, secret.trust)
    };
    let carries_next = trust == Some(digest(&root.facts.trust));
    let next = issuer.next.as_ref().filter(|_| carries_next).map(|next| next.fingerprint().to_string());
    let next = next.map(|fingerprint| match &candidate.next {
        Some(known) if known.fingerprint == fingerprint => known.clone(),
        _ => NextRoot { fingerprint, since: context.clock.now() },
    });
    let expected = Expected {
        serial: leaf.serial.to_string(),
        spiffe_id: leaf.spiffe_id.to_string(),
        issued_at: Timestamp::from_second(issued_at.get()).ok()?,
        propagation: issuer.spec.propagation,
        next,
        allows_untrusted: false,
    };
    Some(ProbeTarget { expected, issuer, root })
}
