//! Of the signers that are named after a loss no more is kept than can have signed: whoever may write into a namespace
//! may write any name into its Secrets.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::annotations::FormerKey;
use crate::pki::KeyId;
use crate::plan::authority::retiring_root::RetiringRoot;

/// As many are kept: more than an authority ever has at a time, and a small part of what annotations can hold.
const MOST: usize = 100;
/// No key identifier that a Secret names is longer: the octets of the longest hash in use.
const LONGEST: usize = 64;

/// What a leaf Secret says of its signer.
#[derive(Clone, Debug)]
pub struct SignerMention {
    /// The signer.
    pub key_id: KeyId,
    /// Namespace of the Secret.
    pub namespace: String,
    /// The identity whose Secret it is.
    pub identity: String,
}

/// Who names a signer: however many Secrets somebody makes, he is one.
#[derive(Default)]
struct Mentions {
    namespaces: BTreeSet<String>,
    identities: BTreeSet<(String, String)>,
}

/// The signers whose leaves may be left besides those of the roots that stay trusted: first those that the operator has
/// recorded in status, then those that are named in most namespaces, then for most identities.
#[must_use]
pub fn former_keys(
    recorded: impl IntoIterator<Item = KeyId>,
    named: impl IntoIterator<Item = SignerMention>,
    retiring: &[RetiringRoot],
    until: Timestamp,
) -> Vec<FormerKey> {
    let mut kept: Vec<KeyId> = recorded.into_iter().collect();
    kept.sort_unstable();
    kept.dedup();
    let mut voices: BTreeMap<KeyId, Mentions> = BTreeMap::new();
    for SignerMention { key_id, namespace, identity } in named {
        let heard = voices.entry(key_id).or_default();
        heard.namespaces.insert(namespace.clone());
        heard.identities.insert((namespace, identity));
    }
    voices.retain(|key_id, _| key_id.as_bytes().len() <= LONGEST && !kept.contains(key_id));
    let mut others: Vec<_> = voices.into_iter().collect();
    others.sort_by_key(|(_, heard)| Reverse((heard.namespaces.len(), heard.identities.len())));
    kept.extend(others.into_iter().map(|(key_id, _)| key_id));
    let texts = kept.into_iter().map(|key_id| key_id.to_string());
    let former = texts.filter(|key_id| retiring.iter().all(|root| root.key_id != *key_id));
    former.take(MOST).map(|key_id| FormerKey::of(key_id, until)).collect()
}
