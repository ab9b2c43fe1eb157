//! The content of a leaf Secret, verified as a client that mounts it would.

use k8s_openapi::api::core::v1::Secret;
use mtls_operator::pki::{Leaf, TrustBundle, verify_as_peer};
use test_support::objects::value;

/// What a Secret holds.
#[derive(Clone, PartialEq, Eq)]
pub struct Content {
    /// The leaf.
    pub leaf: Leaf,
    /// The private key, as stored.
    pub key: Vec<u8>,
    /// The trust bundle, as stored.
    pub trust: Vec<u8>,
}

impl Content {
    /// Reads a Secret whose key, certificate and trust bundle fit together.
    pub fn of(secret: &Secret) -> Self {
        let (chain, key, trust) =
            (value(secret, "tls.crt"), value(secret, "tls.key"), value(secret, "ca.crt"));
        let leaf = Leaf::from_chain_pem(&chain).unwrap();
        let bundle = TrustBundle::from_pem(&trust).unwrap();
        // Whether it is valid today is the claim of some tests only.
        let verified = verify_as_peer(&chain, &key, &bundle, leaf.window.not_after);
        assert_eq!(verified.as_ref(), Ok(&leaf));
        Self { leaf, key, trust }
    }

    /// Serial number, as status and annotations spell it.
    pub fn serial(&self) -> String {
        self.leaf.serial.to_string()
    }

    /// Asserts that another leaf with another key has come.
    pub fn assert_reissued(&self, after: &Self, why: &str) {
        assert_ne!(self.serial(), after.serial(), "{why}: the certificate is the old one");
        assert!(self.key != after.key, "{why}: the key is the old one");
    }

    /// Asserts that leaf and key are the same.
    pub fn assert_kept(&self, after: &Self, why: &str) {
        assert_eq!(self.serial(), after.serial(), "{why}: the certificate is another one");
        assert!(self.key == after.key, "{why}: the key is another one");
    }
}
