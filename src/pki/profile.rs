//! What is asked of a leaf. The same profile always asks for the same certificate content.

use std::net::IpAddr;

use super::{CommonName, KeyAlgorithm, SpiffeId};

/// The content of a leaf that depends on the identity; all else is the same for every leaf.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LeafProfile {
    /// The only URI name.
    pub spiffe_id: SpiffeId,
    /// DNS names; order and repetition mean nothing.
    pub dns_names: Vec<String>,
    /// IP addresses; order and repetition mean nothing.
    pub ip_addresses: Vec<IpAddr>,
    /// Algorithm of the key.
    pub key_algorithm: KeyAlgorithm,
    /// What the subject says of the service account in the SPIFFE ID.
    pub common_name: CommonName,
}
