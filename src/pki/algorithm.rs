//! The closed lists of key algorithms: what a leaf may have, and what a generated root may have.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use x509_parser::oid_registry::{
    OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_PKCS1_RSAENCRYPTION, OID_SIG_ED25519,
};
use x509_parser::x509::SubjectPublicKeyInfo;

/// Algorithm of a leaf's key, in the words of a Pod's certificate projection (core/v1 PodCertificateProjection.keyType).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum KeyAlgorithm {
    /// ECDSA on NIST P-256: small, fast, understood by everything.
    #[default]
    #[serde(rename = "ECDSAP256")]
    EcdsaP256,
    /// ECDSA on NIST P-384.
    #[serde(rename = "ECDSAP384")]
    EcdsaP384,
    /// Ed25519. Some TLS stacks, browsers among them, do not accept it.
    #[serde(rename = "ED25519")]
    Ed25519,
    /// RSA with 2048 bits. A new key takes about a tenth of a second of CPU.
    #[serde(rename = "RSA2048")]
    Rsa2048,
    /// RSA with 3072 bits.
    #[serde(rename = "RSA3072")]
    Rsa3072,
    /// RSA with 4096 bits. A new key can take seconds of CPU.
    #[serde(rename = "RSA4096")]
    Rsa4096,
}

impl KeyAlgorithm {
    /// Every algorithm, in the order of the documentation.
    pub const ALL: [Self; 6] =
        [Self::EcdsaP256, Self::EcdsaP384, Self::Ed25519, Self::Rsa2048, Self::Rsa3072, Self::Rsa4096];

    /// The name as users write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EcdsaP256 => "ECDSAP256",
            Self::EcdsaP384 => "ECDSAP384",
            Self::Ed25519 => "ED25519",
            Self::Rsa2048 => "RSA2048",
            Self::Rsa3072 => "RSA3072",
            Self::Rsa4096 => "RSA4096",
        }
    }

    /// RSA keys are slow to make (a thousand times an ECDSA key) and may also encipher.
    #[must_use]
    pub const fn is_rsa(self) -> bool {
        matches!(self, Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096)
    }

    /// The algorithm of a public key, if it is one of ours.
    pub(super) fn of(key: &SubjectPublicKeyInfo<'_>) -> Option<Self> {
        let oid = &key.algorithm.algorithm;
        if *oid == OID_SIG_ED25519 {
            return Some(Self::Ed25519);
        }
        if *oid == OID_PKCS1_RSAENCRYPTION {
            return Self::of_rsa_bits(rsa_bits(key)?);
        }
        let curve = key.algorithm.parameters.as_ref()?.as_oid().ok()?;
        match () {
            () if *oid != OID_KEY_TYPE_EC_PUBLIC_KEY => None,
            () if curve == OID_EC_P256 => Some(Self::EcdsaP256),
            () if curve == OID_NIST_EC_P384 => Some(Self::EcdsaP384),
            () => None,
        }
    }

    const fn of_rsa_bits(bits: usize) -> Option<Self> {
        match bits {
            2048 => Some(Self::Rsa2048),
            3072 => Some(Self::Rsa3072),
            4096 => Some(Self::Rsa4096),
            _ => None,
        }
    }
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Algorithm of a generated root's key. Every TLS stack we know verifies these two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum RootAlgorithm {
    /// ECDSA on NIST P-256.
    #[default]
    #[serde(rename = "ECDSAP256")]
    EcdsaP256,
    /// ECDSA on NIST P-384.
    #[serde(rename = "ECDSAP384")]
    EcdsaP384,
}

impl RootAlgorithm {
    /// The name as users write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        KeyAlgorithm::as_str(self.key_algorithm())
    }

    /// The same algorithm in the longer list.
    #[must_use]
    pub const fn key_algorithm(self) -> KeyAlgorithm {
        match self {
            Self::EcdsaP256 => KeyAlgorithm::EcdsaP256,
            Self::EcdsaP384 => KeyAlgorithm::EcdsaP384,
        }
    }
}

impl fmt::Display for RootAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Bits of an RSA modulus; `None` for any other key.
pub(super) fn rsa_bits(key: &SubjectPublicKeyInfo<'_>) -> Option<usize> {
    let x509_parser::public_key::PublicKey::RSA(rsa) = key.parsed().ok()? else { return None };
    let start = rsa.modulus.iter().position(|byte| *byte != 0)?;
    let significant = rsa.modulus.get(start..)?;
    let unused = significant.first()?.leading_zeros() as usize;
    Some(significant.len() * 8 - unused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_in_json_is_the_name_shown() {
        for algorithm in KeyAlgorithm::ALL {
            assert_eq!(serde_json::to_value(algorithm).unwrap(), algorithm.to_string());
        }
        for algorithm in [RootAlgorithm::EcdsaP256, RootAlgorithm::EcdsaP384] {
            assert_eq!(serde_json::to_value(algorithm).unwrap(), algorithm.to_string());
        }
    }
}
