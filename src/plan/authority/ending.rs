//! A signer that comes to its end and that only people can replace: they are told before it cuts certificates short.

use jiff::{SignedDuration, Timestamp};

use super::ca_state::{CaState, Provided};
use super::rotation_inputs::RotationInputs;

/// From when on people are told. As long before the end as a generated root has to be replaced at least: another one is
/// brought out, and the certificates of this one live their whole life.
#[must_use]
pub fn told_from(root: &CaState, propagation: SignedDuration, max_leaf_ttl: SignedDuration) -> Timestamp {
    before(root.window.not_after, (propagation + max_leaf_ttl) * 2)
}

/// What people are told of a signer that ends soon, where it has no successor yet. No word of it changes with time.
#[must_use]
pub fn ending(root: &CaState, around: &RotationInputs) -> Option<String> {
    let rules = &around.rules;
    let is_near = around.now >= told_from(root, rules.propagation, rules.max_leaf_ttl);
    (is_near && is_up_to_people(root, &around.provided)).then(|| {
        let end = root.window.not_after;
        let cut = before(end, rules.max_leaf_ttl);
        format!(
            "The CA that is provided, or one above it, ends at {end}, and only people can replace it: put its successor into the Secret that spec.root.provided.secretName names. From {cut} on a certificate of spec.leaf.maxTTL is cut short, and one that ends with its CA is not renewed"
        )
    })
}

/// Whether nothing comes after this root but what people provide, and they have provided nothing else.
fn is_up_to_people(root: &CaState, provided: &Provided) -> bool {
    let is_last = match provided {
        Provided::NotAsked => false,
        Provided::Missing(_) | Provided::Invalid(_) => true,
        Provided::Sound { fingerprint, .. } => *fingerprint == root.fingerprint,
    };
    root.origin.is_provided() && root.next.is_none() && is_last
}

fn before(end: Timestamp, span: SignedDuration) -> Timestamp {
    end.checked_sub(span).unwrap_or(Timestamp::MIN)
}
