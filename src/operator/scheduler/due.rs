//! When what an identity has is due to be replaced: its trust bundle, the leaf of a retiring signer, a leaf near its end.
//!
//! Pure. The rules are those of decisions (`plan::identity::leaf_rules`), asked with what the index remembers.

use super::requeue_inputs::RequeueInputs;
use crate::operator::index::identity::IdentityEntry;
use crate::operator::index::leaf_secret::SecretEntry;
use crate::operator::index::time::Second;
use crate::plan::identity::leaf_rules::LeafFacts;
use crate::plan::spread::Due;

/// When the Secret of an identity that gets no leaf is given the trust bundle in force.
pub fn trust_due_without_leaf(
    entry: &IdentityEntry,
    secret: &SecretEntry,
    inputs: RequeueInputs<'_>,
) -> Option<Due> {
    LeafFacts::without_leaf(entry.slot).trust_due(secret.trust.as_ref(), inputs.signer()?)
}

/// When what is in the Secret of an identity follows the last change of the root: the trust bundle, or the leaf.
pub fn rollout_due(entry: &IdentityEntry, secret: &SecretEntry, inputs: RequeueInputs<'_>) -> Option<Due> {
    let leaf = entry.leaf_facts();
    let trust = inputs.signer().and_then(|signer| leaf.trust_due(secret.trust.as_ref(), signer));
    let signing = inputs.signing().filter(|_| !entry.is_paused);
    let replacement = signing.and_then(|signer| leaf.replacement_due(signer));
    [trust, replacement].into_iter().flatten().min()
}

/// When the leaf in force is due for renewal. Where no root signs by then, that reconcile says so and takes the announced time
/// out of status, so that no second one follows before one does.
pub fn renewal_due(entry: &IdentityEntry, inputs: RequeueInputs<'_>) -> Option<Due> {
    let announced = entry.recorded.renewal.map(|second: Second| Due::At(second.get()));
    match inputs.signing() {
        Some(signer) => entry.leaf_facts().is_renewed(Some(signer)).then(|| announced.unwrap_or(Due::AtOnce)),
        None => announced.filter(|_| !entry.is_paused),
    }
}
