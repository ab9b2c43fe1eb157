//! What of a root Secret is distrusted: its CAs as `plan::distrust` sees them, and what leaves the trust bundle.

use super::root_notes::{FormerKey, Retiring};
use super::root_secret::Succession;
use crate::pki::{Authority, Fingerprint};
use crate::plan::distrust::{Ca, Cas, Distrusted, closure};

/// What is distrusted, where people name these.
#[must_use]
pub fn distrusted(
    signer: &Authority,
    succession: &Succession,
    is_next_generated: bool,
    named: &[Fingerprint],
) -> Distrusted {
    let cas = Cas {
        retiring: succession.retiring.iter().map(retiring).collect(),
        signer: Ca { certified: Some(certified(succession)), ..ca(signer) },
        next: succession.next.as_ref().map(ca),
        is_next_generated,
    };
    closure(&cas, &texts(named))
}

/// SHA-256 of the certificates of every CA that the signer has certified. Version 0.1 did not record it, but what it has
/// made for the announced root.
#[must_use]
pub fn certified(succession: &Succession) -> Vec<String> {
    let announced = succession.next.as_ref().filter(|_| succession.next_cross.is_some());
    let mut certified = succession.certified.clone();
    let announced = announced.map(|next| texts(&next.fingerprints())).unwrap_or_default();
    certified.extend(announced.into_iter().filter(|found| !succession.certified.contains(found)));
    certified
}

/// The roots that leave the trust bundle: those that people name, and those of CAs that are distrusted. The signer's own stay
/// where it signs on: without them peers refuse what it signs.
#[must_use]
pub fn lost(
    signer: &Authority,
    succession: &Succession,
    distrusted: &Distrusted,
    named: &[Fingerprint],
) -> Vec<Fingerprint> {
    let retiring = succession.retiring.iter().zip(&distrusted.retiring);
    let retiring = retiring.filter(|(_, why)| why.is_some()).flat_map(|(root, _)| &root.anchors);
    let next = succession.next.iter().filter(|_| distrusted.next.is_some());
    let anchors = next.flat_map(|next| next.anchors().fingerprints());
    let anchors = anchors.chain(retiring.filter_map(|text| text.parse().ok()));
    let needs = |anchor: &Fingerprint| distrusted.signer.is_none() && signer.anchors().contains(anchor);
    named.iter().copied().chain(anchors.filter(|anchor| !needs(anchor))).collect()
}

/// A distrusted intermediate below a root that is still trusted.
#[must_use]
pub fn accepted_intermediate<'a>(signer: &Authority, former: &'a [FormerKey]) -> Option<&'a FormerKey> {
    let is_trusted = |text: &String| text.parse().is_ok_and(|anchor| signer.bundle().contains(&anchor));
    former
        .iter()
        .find(|former| former.intermediate.as_ref().is_some_and(|below| below.anchors.iter().any(is_trusted)))
}

fn ca(authority: &Authority) -> Ca {
    Ca { fingerprints: texts(&authority.fingerprints()), certified: Some(Vec::new()) }
}

fn retiring(root: &Retiring) -> Ca {
    let fingerprints = std::iter::once(root.fingerprint.clone()).chain(root.anchors.iter().cloned());
    Ca { fingerprints: fingerprints.collect(), certified: root.certified.clone() }
}

/// The fingerprints as annotations hold them.
#[must_use]
pub fn texts(fingerprints: &[Fingerprint]) -> Vec<String> {
    fingerprints.iter().map(ToString::to_string).collect()
}
