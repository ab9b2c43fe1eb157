//! A private key is always kept and written as PKCS#8 version 1, whatever it was read from, and is wiped on drop.
//!
//! Version 1 because OpenSSL before 3.5 and others cannot read version 2, which rcgen makes for Ed25519.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair,
};
use rcgen::{KeyPair, PublicKeyData, SignatureAlgorithm, SigningKey};
use rustls_pki_types::PrivatePkcs8KeyDer;
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::SubjectPublicKeyInfo;
use zeroize::{Zeroize as _, Zeroizing};

use super::KeyAlgorithm;
use super::pem::{self, PemError};

/// Why there is no private key. Says nothing of the key itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not a PEM text with a private key.
    #[error("the private key {0}; give it unencrypted, as PKCS#8, SEC1 or PKCS#1 in PEM")]
    Pem(#[from] PemError),
    /// PEM, but not a key that can sign here.
    #[error(
        "the private key is damaged or of an unsupported kind; use ECDSA (P-256, P-384, P-521), Ed25519 or RSA"
    )]
    Unsupported,
    /// The library could not make a key.
    #[error("the cryptographic library made no new {0} key")]
    NotGenerated(KeyAlgorithm),
}

/// A private key. Has no `Debug`, and is wiped when dropped as far as the library below lets us.
///
/// ```compile_fail,E0277
/// fn shown<T: std::fmt::Debug>() {}
/// shown::<mtls_operator::pki::PrivateKey>();
/// ```
pub struct PrivateKey {
    pair: KeyPair,
}

impl PrivateKey {
    /// A new key from the system's randomness. RSA takes long: call it where blocking is allowed.
    ///
    /// # Errors
    /// Only if the cryptographic library refuses.
    pub fn generate(algorithm: KeyAlgorithm) -> Result<Self, KeyError> {
        Encoded::generate(algorithm).and_then(Encoded::load).ok_or(KeyError::NotGenerated(algorithm))
    }

    /// Reads PKCS#8 (version 1 or 2), SEC1 (also behind `EC PARAMETERS`) or PKCS#1 from PEM.
    ///
    /// # Errors
    /// If there is no such key, or it is damaged or of a kind that cannot sign here.
    pub fn from_pem(text: &[u8]) -> Result<Self, KeyError> {
        let der = pem::private_key(text)?;
        Encoded::from_any(&der).and_then(Encoded::load).ok_or(KeyError::Unsupported)
    }

    /// The key as PKCS#8 version 1 in PEM.
    #[must_use]
    pub fn to_pem(&self) -> Zeroizing<String> {
        pem::encode("PRIVATE KEY", self.pair.serialized_der())
    }

    /// The algorithm, if it is one that a leaf may have.
    #[must_use]
    pub fn algorithm(&self) -> Option<KeyAlgorithm> {
        let spki = self.public_key_der();
        SubjectPublicKeyInfo::from_der(&spki).ok().and_then(|(_, key)| KeyAlgorithm::of(&key))
    }

    /// The public key as DER `SubjectPublicKeyInfo`.
    #[must_use]
    pub fn public_key_der(&self) -> Vec<u8> {
        self.pair.subject_public_key_info()
    }
}

impl Drop for PrivateKey {
    fn drop(&mut self) {
        self.pair.zeroize();
    }
}

impl PublicKeyData for PrivateKey {
    fn der_bytes(&self) -> &[u8] {
        self.pair.der_bytes()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.pair.algorithm()
    }
}

impl SigningKey for PrivateKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.pair.sign(message)
    }
}

/// A key as PKCS#8 version 1, with the signature algorithm that follows from it.
struct Encoded {
    pkcs8: Zeroizing<Vec<u8>>,
    signs_with: &'static SignatureAlgorithm,
}

/// A curve, as the cryptographic library names it and as rcgen names it.
type Curve = (&'static EcdsaSigningAlgorithm, &'static SignatureAlgorithm);

const P256: Curve = (&ECDSA_P256_SHA256_ASN1_SIGNING, &rcgen::PKCS_ECDSA_P256_SHA256);
const P384: Curve = (&ECDSA_P384_SHA384_ASN1_SIGNING, &rcgen::PKCS_ECDSA_P384_SHA384);
const P521: Curve = (&ECDSA_P521_SHA512_ASN1_SIGNING, &rcgen::PKCS_ECDSA_P521_SHA512);

impl Encoded {
    fn generate(algorithm: KeyAlgorithm) -> Option<Self> {
        let rsa = |size| Self::rsa(&RsaKeyPair::generate(size).ok()?);
        let ecdsa = |curve: Curve| Self::ecdsa(&EcdsaKeyPair::generate(curve.0).ok()?, curve);
        match algorithm {
            KeyAlgorithm::EcdsaP256 => ecdsa(P256),
            KeyAlgorithm::EcdsaP384 => ecdsa(P384),
            KeyAlgorithm::Ed25519 => Self::ed25519(&Ed25519KeyPair::generate().ok()?),
            KeyAlgorithm::Rsa2048 => rsa(KeySize::Rsa2048),
            KeyAlgorithm::Rsa3072 => rsa(KeySize::Rsa3072),
            KeyAlgorithm::Rsa4096 => rsa(KeySize::Rsa4096),
        }
    }

    /// Tries every kind in turn: PEM labels lie, and PKCS#8 has one label for all.
    fn from_any(der: &[u8]) -> Option<Self> {
        if let Ok(key) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der) {
            return Self::ed25519(&key);
        }
        for curve in [P256, P384, P521] {
            if let Ok(key) = EcdsaKeyPair::from_private_key_der(curve.0, der) {
                return Self::ecdsa(&key, curve);
            }
        }
        let rsa = RsaKeyPair::from_pkcs8(der).or_else(|_| RsaKeyPair::from_der(der));
        Self::rsa(&rsa.ok()?)
    }

    fn ecdsa(key: &EcdsaKeyPair, curve: Curve) -> Option<Self> {
        let document = key.to_pkcs8v1().ok()?;
        Some(Self { pkcs8: Zeroizing::new(document.as_ref().to_vec()), signs_with: curve.1 })
    }

    fn ed25519(key: &Ed25519KeyPair) -> Option<Self> {
        Self::version_1(key, &rcgen::PKCS_ED25519)
    }

    fn rsa(key: &RsaKeyPair) -> Option<Self> {
        Self::version_1(key, &rcgen::PKCS_RSA_SHA256)
    }

    fn version_1<K>(key: &K, signs_with: &'static SignatureAlgorithm) -> Option<Self>
    where
        K: AsDer<Pkcs8V1Der<'static>>,
    {
        let der = key.as_der().ok()?;
        Some(Self { pkcs8: Zeroizing::new(der.as_ref().to_vec()), signs_with })
    }

    fn load(self) -> Option<PrivateKey> {
        let der = PrivatePkcs8KeyDer::from(self.pkcs8.as_slice());
        KeyPair::from_pkcs8_der_and_sign_algo(&der, self.signs_with).ok().map(|pair| PrivateKey { pair })
    }
}
