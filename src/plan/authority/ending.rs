//! The warning about a provided CA that ends soon: only the user who provided it can replace it, and leaves get shorter lifetimes before it ends.

use jiff::{SignedDuration, Timestamp};

use super::ca_state::{CaState, Provided};
use super::rotation_inputs::RotationInputs;

/// When the warning begins: as long before the end as a generated root has to be replaced at least (the CEL rule on
/// `root.renewBefore`). In this time a successor is distributed, and leaves of this one get their full lifetime.
#[must_use]
pub fn warned_from(root: &CaState, propagation: SignedDuration, max_leaf_ttl: SignedDuration) -> Timestamp {
    before(root.window.not_after, (propagation + max_leaf_ttl) * 2)
}

/// The warning about a signer that ends soon and has no successor yet. Its text does not change with time, so that one Event
/// reports it.
#[must_use]
pub fn end_warning(root: &CaState, inputs: &RotationInputs) -> Option<String> {
    let rules = &inputs.rules;
    let is_near = inputs.now >= warned_from(root, rules.propagation, rules.max_leaf_ttl);
    (is_near && needs_provided_successor(root, &inputs.provided)).then(|| {
        let end = root.window.not_after;
        let cut = before(end, rules.max_leaf_ttl);
        format!(
            "The CA that is provided, or one above it, ends at {end}, and the operator cannot replace it: put its successor into the Secret that spec.root.provided.secretName names. From {cut} on a certificate of spec.leaf.maxTTL gets a shorter lifetime, and one that ends with its CA is not renewed"
        )
    })
}

/// Whether only a provided CA can follow this root, and no other one is provided yet.
fn needs_provided_successor(root: &CaState, provided: &Provided) -> bool {
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
