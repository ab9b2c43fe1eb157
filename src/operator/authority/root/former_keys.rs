//! The former signers that are recorded after a root was lost: no more than an authority can have had.
//!
//! An account that may write into a namespace may write any key identifier into its Secrets, so that the number is limited.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;

use super::annotations::FormerKey;
use crate::operator::index::digest::{Digest, digest};
use crate::operator::index::tombstones::key;
use crate::pki::KeyId;
use crate::plan::authority::retiring_root::RetiringRoot;

/// Most that are kept: more than an authority ever has at a time, and a small part of the 256 KiB that annotations can hold.
const MAX_FORMER_KEYS: usize = 100;
/// Octets of the longest key identifier that is kept: those of SHA-512, the longest hash in use.
const MAX_KEY_ID: usize = 64;

/// The annotation of a leaf Secret that names its signer.
#[derive(Clone, Debug)]
pub struct SignerMention {
    /// The signer.
    pub key_id: KeyId,
    /// Namespace of the Secret.
    pub namespace: String,
    /// The identity whose Secret it is.
    pub identity: String,
}

/// Where a signer is named. Many Secrets of one namespace count once.
#[derive(Default)]
struct Mentions {
    namespaces: HashSet<Digest>,
    identities: HashSet<Digest>,
}

/// The signers that Secrets name, and where.
#[derive(Default)]
pub struct NamedSigners(BTreeMap<KeyId, Mentions>);

impl Extend<SignerMention> for NamedSigners {
    fn extend<I: IntoIterator<Item = SignerMention>>(&mut self, mentions: I) {
        let is_key_id = |mention: &SignerMention| mention.key_id.as_bytes().len() <= MAX_KEY_ID;
        for SignerMention { key_id, namespace, identity } in mentions.into_iter().filter(is_key_id) {
            let mentioned_in = self.0.entry(key_id).or_default();
            mentioned_in.namespaces.insert(digest(&namespace));
            mentioned_in.identities.insert(key(&namespace, &identity));
        }
    }
}

impl FromIterator<SignerMention> for NamedSigners {
    fn from_iter<I: IntoIterator<Item = SignerMention>>(mentions: I) -> Self {
        let mut named = Self::default();
        named.extend(mentions);
        named
    }
}

/// The signers whose leaves may be left besides those of the roots that stay trusted: first those that the operator has
/// recorded in status, then those that are named in most namespaces, then for most identities.
#[must_use]
pub fn former_keys(
    recorded: impl IntoIterator<Item = KeyId>,
    NamedSigners(mut mentions): NamedSigners,
    retiring: &[RetiringRoot],
    until: Timestamp,
) -> Vec<FormerKey> {
    let mut kept: Vec<KeyId> = recorded.into_iter().collect();
    kept.sort_unstable();
    kept.dedup();
    mentions.retain(|key_id, _| !kept.contains(key_id));
    let mut others: Vec<_> = mentions.into_iter().collect();
    others.sort_by_key(|(_, mentioned_in)| {
        Reverse((mentioned_in.namespaces.len(), mentioned_in.identities.len()))
    });
    kept.extend(others.into_iter().map(|(key_id, _)| key_id));
    let texts = kept.into_iter().map(|key_id| key_id.to_string());
    let former = texts.filter(|key_id| retiring.iter().all(|root| root.key_id != *key_id));
    former.take(MAX_FORMER_KEYS).map(|key_id| FormerKey::new(key_id, until)).collect()
}
