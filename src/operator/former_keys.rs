//! Of the signers that are named after a loss no more is kept than can have signed: whoever may write into a namespace
//! may write any name into its Secrets.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::Timestamp;

use super::root_notes::{FormerKey, Retiring};
use crate::pki::KeyId;

/// As many are kept: more than an authority ever has at a time, and a small part of what annotations can hold.
const MOST: usize = 100;
/// No key identifier that a Secret names is longer: the octets of the longest hash in use.
const LONGEST: usize = 64;

/// The signers whose leaves may be left besides those of the roots that stay trusted: first those that the operator has
/// recorded in status, then those that most Secrets name.
#[must_use]
pub fn former_keys(
    recorded: impl IntoIterator<Item = KeyId>,
    named: impl IntoIterator<Item = KeyId>,
    retiring: &[Retiring],
    until: Timestamp,
) -> Vec<FormerKey> {
    let mut kept: Vec<KeyId> = recorded.into_iter().collect();
    kept.sort_unstable();
    kept.dedup();
    let mut counts: BTreeMap<KeyId, usize> = BTreeMap::new();
    for key_id in named.into_iter().filter(|key_id| key_id.as_bytes().len() <= LONGEST) {
        *counts.entry(key_id).or_default() += 1;
    }
    let mut others: Vec<_> = counts.into_iter().filter(|(key_id, _)| !kept.contains(key_id)).collect();
    others.sort_by_key(|(_, count)| Reverse(*count));
    kept.extend(others.into_iter().map(|(key_id, _)| key_id));
    let texts = kept.into_iter().map(|key_id| key_id.to_string());
    let former = texts.filter(|key_id| retiring.iter().all(|root| root.key_id != *key_id));
    former.take(MOST).map(|key_id| FormerKey { key_id, until, distrusted: false }).collect()
}
