//! Signers that are known to have signed, and the statuses that name them.
//!
//! Gathered before the root Secret is read, since the watches are independent: a root is called lost only if a GET made later
//! does not explain it (I11).

use std::sync::Arc;

/// What is known before the root Secret is read. `K` is a key identifier, or its digest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownSigners<K> {
    /// The signer that the status of the authority names.
    pub recorded: Option<RecordedSigner<K>>,
    /// Name of the evidence key, as the status of the authority records it.
    pub evidence_key_id: Option<String>,
    /// What the statuses of identities say, the most credible first.
    pub claimants: Vec<Claimant<K>>,
}

/// The signer that the status of an authority names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedSigner<K> {
    /// Its key identifier.
    pub key_id: K,
    /// The same, for sentences.
    pub text: String,
}

/// An identity whose status says that it holds an unexpired leaf of this authority, and which key signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimant<K> {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Box<str>,
    /// Key identifier of the signer.
    pub key_id: K,
    /// Whether the status carries a proof. Only the evidence key can show whether it is sound.
    pub has_proof: bool,
}
