//! What of a root Secret is distrusted: its CAs as `plan::distrust` sees them, and what leaves the trust bundle.

use super::annotations::{FormerKey, Intermediate, RetiringRoot, Taken};
use super::load::{LoadedRoot, RotationState};
use crate::pki::{Authority, Fingerprint};
use crate::plan::authority::distrust::{Ca, Cas, Distrusted, Why, closure};
use crate::plan::authority::spec::AuthoritySpec;

/// What is distrusted, where people name these.
#[must_use]
pub fn distrusted(
    signer: &Authority,
    succession: &RotationState,
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
pub fn certified(succession: &RotationState) -> Vec<String> {
    let announced = succession.next.as_ref().filter(|_| succession.next_cross.is_some());
    let mut certified = succession.certified.clone();
    let announced = announced.map(|next| texts(&next.fingerprints())).unwrap_or_default();
    certified.extend(announced.into_iter().filter(|found| !succession.certified.contains(found)));
    certified
}

/// Adds what status remembers: a backup of the root Secret from before a rotation does not know what its signer has certified
/// since.
pub fn remember_certified(succession: &mut RotationState, signer: &Authority, terms: &AuthoritySpec) {
    let remembered = terms.certified.get(&signer.fingerprint().to_string());
    for found in remembered.into_iter().flatten() {
        if !succession.certified.contains(found) {
            succession.certified.push(found.clone());
        }
    }
}

/// The roots that leave the trust bundle: those that people name, and those of CAs that are distrusted. The signer's own stay
/// where it signs on: without them peers refuse what it signs.
#[must_use]
pub fn lost(
    signer: &Authority,
    succession: &RotationState,
    distrusted: &Distrusted,
    named: &[Fingerprint],
) -> Vec<Fingerprint> {
    let retiring = succession.retiring.iter().zip(&distrusted.retiring);
    let retiring = retiring.filter(|(_, why)| why.is_some()).flat_map(|(root, _)| root.certificates());
    let next = succession.next.iter().filter(|_| distrusted.next.is_some());
    let anchors = next.flat_map(Authority::fingerprints);
    let anchors = anchors.chain(retiring.filter_map(|text| text.parse().ok()));
    let needs = |anchor: &Fingerprint| distrusted.signer.is_none() && signer.anchors().contains(anchor);
    named.iter().copied().chain(anchors.filter(|anchor| !needs(anchor))).collect()
}

/// A distrusted intermediate below a root that is still trusted: one that signs, or has signed.
#[must_use]
pub fn accepted_intermediate(
    signer: &Authority,
    former: &[FormerKey],
    distrusted: &Distrusted,
) -> Option<Intermediate> {
    let is_trusted = |text: &String| text.parse().is_ok_and(|anchor| signer.bundle().contains(&anchor));
    let gone =
        former.iter().filter(|former| former.distrusted).filter_map(|former| former.intermediate.clone());
    let signs = signer.is_intermediate() && distrusted.signer == Some(Why::Named);
    let signing = signs.then(|| Intermediate {
        fingerprint: signer.fingerprint().to_string(),
        anchors: texts(&signer.fingerprints()),
        not_after: signer.window().not_after,
    });
    gone.chain(signing).find(|below| below.anchors.iter().any(is_trusted))
}

/// Marks signers of the past that people name only now: their leaves are replaced at once.
pub fn mark_named(former: &mut [FormerKey], named: &[Fingerprint]) {
    for former in former {
        let is_named =
            |below: &Intermediate| below.fingerprint.parse().is_ok_and(|found| named.contains(&found));
        former.distrusted |= former.intermediate.as_ref().is_some_and(is_named);
    }
}

/// What is distrusted with another CA, as the root Secret holds it now.
#[must_use]
pub fn taken(loaded: &LoadedRoot) -> Vec<Taken> {
    let Some((root, signer)) = loaded.stored().zip(loaded.authority.as_ref()) else { return Vec::new() };
    let signing = (texts(&signer.fingerprints()), root.distrusted.as_ref());
    let next = loaded.succession.next.as_ref().map(|next| texts(&next.fingerprints()));
    let next = next.map(|next| (next, root.next.as_ref().and_then(|next| next.distrusted.as_ref())));
    let retiring = loaded.succession.retiring.iter().zip(&root.retiring);
    let retiring = retiring.map(|(notes, root)| (notes.certificates(), root.distrusted.as_ref()));
    let all = retiring.chain([signing]).chain(next);
    let with_another = all.filter_map(|(found, why)| Some((found, why.filter(|why| **why != Why::Named)?)));
    with_another.map(|(fingerprints, why)| Taken { fingerprints, because: why.sentence() }).collect()
}

fn ca(authority: &Authority) -> Ca {
    Ca { fingerprints: texts(&authority.fingerprints()), certified: Some(Vec::new()) }
}

fn retiring(root: &RetiringRoot) -> Ca {
    Ca { fingerprints: root.certificates(), certified: root.certified.clone() }
}

/// The fingerprints as annotations hold them.
#[must_use]
pub fn texts(fingerprints: &[Fingerprint]) -> Vec<String> {
    fingerprints.iter().map(ToString::to_string).collect()
}
