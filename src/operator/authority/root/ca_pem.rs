//! The CAs of a root Secret as PEM, under their keys.

use k8s_openapi::api::core::v1::Secret;
use zeroize::Zeroizing;

use crate::api::names::key;
use crate::api::secret::content;
use crate::pki::AuthorityPem;

/// Keys of the signer.
pub(super) const SIGNER: [&str; 3] = [key::CERTIFICATE, key::PRIVATE_KEY, key::TRUST_BUNDLE];
/// Keys of the announced CA.
pub(super) const NEXT: [&str; 3] = [key::NEXT_CERTIFICATE, key::NEXT_PRIVATE_KEY, key::NEXT_TRUST_BUNDLE];

/// The CA that signs, or that a Secret provides.
#[must_use]
pub fn pem(secret: &Secret) -> AuthorityPem {
    pem_at(secret, SIGNER)
}

/// The announced CA.
#[must_use]
pub fn next_pem(secret: &Secret) -> AuthorityPem {
    pem_at(secret, NEXT)
}

fn pem_at(secret: &Secret, [chain, private_key, anchors]: [&str; 3]) -> AuthorityPem {
    AuthorityPem {
        chain: content(secret, chain).to_vec(),
        key: Zeroizing::new(content(secret, private_key).to_vec()),
        anchors: content(secret, anchors).to_vec(),
    }
}
