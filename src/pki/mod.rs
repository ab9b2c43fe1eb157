//! X.509, pure: no clock, no file, no network. The only folder that names rcgen, x509-parser, webpki and yasna.
//!
//! ```text
//! AuthorityPem ─ load ─▶ Authority ─ issue(LeafProfile, PrivateKey, Validity, Serial) ─▶ IssuedLeaf
//!                            │                                                            │ verified as a peer would
//!                            └─▶ TrustBundle ◀───────────────── verify_as_peer ◀──────────┘
//! ```

mod algorithm;
mod authority;
mod block;
mod certificate;
mod constraints;
mod cross;
mod evidence;
mod fingerprint;
mod generate;
pub mod hex;
mod issuer;
mod key;
mod leaf;
mod leaf_params;
mod load;
mod pem;
mod profile;
mod profile_check;
mod provided;
mod serial;
mod spiffe;
mod subject;
mod top;
mod trust;
mod validity;
mod verify;
mod weakness;

pub use algorithm::{KeyAlgorithm, RootAlgorithm};
pub use authority::{Authority, AuthorityPem, IssueError, IssuedLeaf};
pub use cross::{CrossCertificate, CrossError};
pub use evidence::{Claim, EvidenceKey};
pub use fingerprint::{Fingerprint, HexError, KeyId, abbreviated, sha256};
pub use key::{KeyError, PrivateKey};
pub use leaf::{Leaf, LeafError};
pub use load::LoadError;
pub use pem::{MAX_CERTIFICATES, MAX_PEM_BYTES, MAX_PROVIDED_BYTES, MAX_PROVIDED_CERTIFICATES, PemError};
pub use profile::LeafProfile;
pub use serial::{NoRandomness, Serial};
pub use spiffe::{SpiffeId, TrustDomain, TrustDomainError};
pub use subject::{CommonName, MAX_ATTRIBUTE, Subject};
pub use top::ChainTop;
pub use trust::{TrustBundle, TrustError};
pub use validity::{Validity, whole_second};
pub use verify::verify_as_peer;
pub use weakness::Weakness;
