//! What the operator reads in a root Secret, as its decisions are given it.

use mtls_operator::pki::Window;
use mtls_operator::plan::root::{StoredNext, StoredRetiring, StoredRoot};
use mtls_operator::plan::spread::Step;
use mtls_operator::plan::world::{RetiringSigner, Rotating, Signer};

use crate::ca::Ca;
use crate::pki::{Pki, RootId, Roots};
use crate::time::{at, span};

/// A root's key identifier.
#[must_use]
pub fn key_id(root: RootId) -> String {
    format!("key-{root}")
}

/// A root's fingerprint.
#[must_use]
pub fn fingerprint(root: RootId) -> String {
    format!("root-{root}")
}

/// Hash of a trust bundle.
#[must_use]
pub fn trust(bundle: Roots) -> String {
    format!("{bundle:?}")
}

/// When leaves of a root can be valid. Every root was made long ago, as far as leaves are concerned.
#[must_use]
pub fn window(pki: &Pki, root: RootId) -> Window {
    Window { not_before: at(-100), not_after: at(pki.end(root)) }
}

/// What a root Secret holds, for the decision on it.
#[must_use]
pub fn stored(ca: &Ca, pki: &Pki) -> StoredRoot {
    StoredRoot {
        version: "1".into(),
        fingerprint: fingerprint(ca.signer),
        anchors: fingerprint(ca.signer),
        window: window(pki, ca.signer),
        is_provided: false,
        distrusted: None,
        accepted_intermediate: None,
        is_certified: ca.crosses.contain(ca.signer),
        max_leaf_ttl: span(ca.longest).as_secs(),
        phase: ca.phase,
        since: at(ca.since),
        next: ca.next.map(|next| StoredNext {
            fingerprint: fingerprint(next),
            anchors: fingerprint(next),
            is_provided: false,
            distrusted: None,
            is_certified: ca.crosses.contain(next),
        }),
        retiring: ca.retiring.into_iter().flatten().map(retiring).collect(),
        rotate_request: (ca.answered > 0).then(|| ca.answered.to_string()),
        has_evidence_key: true,
    }
}

fn retiring(former: crate::ca::Retiring) -> StoredRetiring {
    StoredRetiring { fingerprint: fingerprint(former.root), distrusted: None, until: at(former.until) }
}

fn retiring_signer(former: crate::ca::Retiring) -> RetiringSigner {
    RetiringSigner { key_id: key_id(former.root), until: at(former.until) }
}

/// What a root Secret holds, for decisions on identities.
#[must_use]
pub fn signer(ca: &Ca, pki: &Pki) -> Signer {
    Signer {
        key_id: key_id(ca.signer),
        window: window(pki, ca.signer),
        trust: trust(ca.trust()),
        rotation: Rotating {
            is_announced: ca.next.is_some(),
            retiring: ca.retiring.into_iter().flatten().map(retiring_signer).collect(),
            former_trust: ca.former_trust.map(trust),
            step: Some(Step { began: at(ca.since), ends: at(ca.step_ends) }),
            distrusted: Vec::new(),
            ..Rotating::default()
        },
        halted: None,
    }
}
