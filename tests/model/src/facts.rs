//! What the operator reads in a root Secret, as the input of its decisions.

use mtls_operator::pki::Validity;
use mtls_operator::plan::authority::ca_state::{CaState, NextCa};
use mtls_operator::plan::authority::distrust::{self, Cas, DistrustReason, Distrusted, closure};
use mtls_operator::plan::authority::origin::Origin;
use mtls_operator::plan::authority::retiring_root::RetiringRoot;
use mtls_operator::plan::identity::world::{RetiringSigner, Rollout, Signer};
use mtls_operator::plan::spread::RolloutWindow;

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
pub fn window(pki: &Pki, root: RootId) -> Validity {
    Validity { not_before: at(-100), not_after: at(pki.end(root)) }
}

/// What a root Secret holds, for the decision on it.
#[must_use]
pub fn stored(ca: &Ca, pki: &Pki) -> CaState {
    CaState {
        fingerprint: fingerprint(ca.signer),
        anchors: fingerprint(ca.signer),
        window: window(pki, ca.signer),
        origin: origin(ca, ca.signer),
        distrusted: why(ca, ca.signer),
        accepted_intermediate: None,
        is_certified: ca.served(pki).contain(ca.signer),
        max_leaf_ttl: span(ca.longest).as_secs(),
        phase: ca.phase,
        since: at(ca.since),
        next: ca.next.map(|next| NextCa {
            fingerprint: fingerprint(next),
            anchors: fingerprint(next),
            origin: origin(ca, next),
            distrusted: why(ca, next),
            is_certified: ca.crosses.contain(next),
        }),
        retiring: ca.retiring.into_iter().flatten().map(|former| retiring(ca, former)).collect(),
        rotate_request: (ca.answered > 0).then(|| ca.answered.to_string()),
        has_evidence_key: true,
    }
}

fn retiring(ca: &Ca, former: crate::ca::Retiring) -> RetiringRoot {
    RetiringRoot {
        fingerprint: fingerprint(former.root),
        distrusted: why(ca, former.root),
        until: at(former.until),
        ..RetiringRoot::default()
    }
}

fn origin(ca: &Ca, root: RootId) -> Origin {
    if ca.provided.contain(root) { Origin::Provided } else { Origin::Generated }
}

/// Why a root is distrusted, if it is. Reasons other than its name are not told apart: decisions do not depend on them.
fn why(ca: &Ca, root: RootId) -> Option<DistrustReason> {
    let by_name =
        if ca.named.contain(root) { DistrustReason::Named } else { DistrustReason::Certified(String::new()) };
    ca.lost.contain(root).then_some(by_name)
}

/// What of a root Secret is distrusted, where these are named: the operator's own closure.
#[must_use]
pub fn closed(ca: &Ca, named: Roots) -> Roots {
    let of = |root: RootId, certified: Roots| distrust::Ca {
        fingerprints: vec![fingerprint(root)],
        certified: Some(certified.iter().map(fingerprint).collect()),
    };
    let cas = Cas {
        retiring: ca.retiring.iter().flatten().map(|former| of(former.root, former.certified)).collect(),
        signer: of(ca.signer, ca.certified),
        next: ca.next.map(|next| of(next, Roots::default())),
        is_next_generated: !ca.next.is_some_and(|next| ca.provided.contain(next)),
    };
    let named_texts: Vec<String> = named.iter().map(fingerprint).collect();
    let Distrusted { retiring, signer, next } = closure(&cas, &named_texts);
    let roots = ca.retiring.iter().flatten().map(|former| former.root).chain([ca.signer]).chain(ca.next);
    let found = roots.zip(retiring.into_iter().chain([signer, next]));
    Roots::of(found.filter_map(|(root, why)| why.map(|_| root))).union(named)
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
        rotation: Rollout {
            is_announced: ca.next.is_some(),
            retiring: ca.retiring.into_iter().flatten().map(retiring_signer).collect(),
            former_trust: ca.former_trust.map(trust),
            window: Some(RolloutWindow { began: at(ca.since), ends: at(ca.step_ends) }),
            distrusted: ca.expelled.without(ca.signer).iter().map(key_id).collect(),
            ..Rollout::default()
        },
        halted: None,
    }
}
