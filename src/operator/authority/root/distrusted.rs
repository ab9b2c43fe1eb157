//! What of a root Secret is distrusted: its CAs as `plan::authority::distrust` judges them, and what leaves the trust bundle.

use super::annotations::{FormerKey, Taken};
use super::loaded_ca::LoadedCa;
use crate::pki::Fingerprint;
use crate::plan::authority::distrust::{Ca, Cas, DistrustReason, Distrusted, closure};
use crate::plan::authority::origin::Origin;
use crate::plan::authority::retiring_root::{Intermediate, RetiringRoot};
use crate::plan::authority::spec::AuthoritySpec;

/// Marks what is distrusted of a CA, where the spec and status of its authority name these roots.
pub fn mark_distrusted(ca: &mut LoadedCa, spec: &AuthoritySpec) {
    add_recorded_certified(ca, spec);
    mark_named(&mut ca.former, &spec.distrust);
    let Distrusted { retiring, signer, next } = closure(&cas(ca), &texts(&spec.distrust));
    ca.signer.distrusted = signer;
    for (root, why) in ca.retiring.iter_mut().zip(retiring) {
        root.distrusted = why;
    }
    if let Some(announced) = &mut ca.next {
        announced.distrusted = next;
    }
}

fn cas(ca: &LoadedCa) -> Cas {
    let next = ca.next.as_ref();
    let next_ca =
        next.map(|next| Ca { fingerprints: next.ca.fingerprint_texts(), certified: Some(Vec::new()) });
    Cas {
        retiring: ca.retiring.iter().map(retiring).collect(),
        signer: Ca { fingerprints: ca.signer.ca.fingerprint_texts(), certified: Some(ca.certified()) },
        next: next_ca,
        is_next_generated: next.is_some_and(|next| next.origin == Origin::Generated),
    }
}

fn retiring(root: &RetiringRoot) -> Ca {
    Ca { fingerprints: root.certificates(), certified: root.certified.clone() }
}

/// Adds what status records: a backup of the root Secret from before a rotation does not know what its signer has certified
/// since.
fn add_recorded_certified(ca: &mut LoadedCa, spec: &AuthoritySpec) {
    let recorded = spec.certified.get(&ca.signer.ca.fingerprint().to_string());
    for found in recorded.into_iter().flatten() {
        if !ca.signer.certified.contains(found) {
            ca.signer.certified.push(found.clone());
        }
    }
}

/// Marks signers of the past that are named only now: their leaves are replaced at once.
fn mark_named(former: &mut [FormerKey], named: &[Fingerprint]) {
    for former in former {
        let is_named =
            |below: &Intermediate| below.fingerprint.parse().is_ok_and(|found| named.contains(&found));
        former.distrusted |= former.intermediate.as_ref().is_some_and(is_named);
    }
}

/// The roots that leave the trust bundle: those that are named, and those of CAs that are distrusted. The signer's own stay
/// while it signs: without them peers refuse what it signs.
#[must_use]
pub fn leaving_roots(ca: &LoadedCa, named: &[Fingerprint]) -> Vec<Fingerprint> {
    let retiring = ca.retiring.iter().filter(|root| root.distrusted.is_some());
    let retiring = retiring.flat_map(RetiringRoot::certificates).filter_map(|text| text.parse().ok());
    let next = ca.next.iter().filter(|next| next.distrusted.is_some());
    let anchors = next.flat_map(|next| next.ca.fingerprints()).chain(retiring);
    let signer = &ca.signer;
    let needs = |anchor: &Fingerprint| signer.distrusted.is_none() && signer.ca.anchors().contains(anchor);
    named.iter().copied().chain(anchors.filter(|anchor| !needs(anchor))).collect()
}

/// What is distrusted with another CA, as the root Secret holds it now.
#[must_use]
pub fn taken(ca: &LoadedCa) -> Vec<Taken> {
    let signer = (ca.signer.ca.fingerprint_texts(), ca.signer.distrusted.as_ref());
    let next = ca.next.iter().map(|next| (next.ca.fingerprint_texts(), next.distrusted.as_ref()));
    let retiring = ca.retiring.iter().map(|root| (root.certificates(), root.distrusted.as_ref()));
    let all = retiring.chain([signer]).chain(next);
    let with_another =
        all.filter_map(|(found, why)| Some((found, why.filter(|why| **why != DistrustReason::Named)?)));
    with_another.map(|(fingerprints, why)| Taken { fingerprints, because: why.sentence() }).collect()
}

/// The fingerprints as annotations hold them.
fn texts(fingerprints: &[Fingerprint]) -> Vec<String> {
    fingerprints.iter().map(ToString::to_string).collect()
}
