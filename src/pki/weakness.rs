//! Reasons why peers do not accept a CA certificate as such: weak keys and signatures.

use std::fmt;

use x509_parser::certificate::X509Certificate;
use x509_parser::der_parser::asn1_rs::Tag;
use x509_parser::oid_registry::OID_KEY_TYPE_EC_PUBLIC_KEY;

use super::algorithm::rsa_bits;

/// The least RSA modulus that peers accept.
const MIN_RSA_BITS: usize = 2048;

/// Signature algorithms whose hash can be forged, by object identifier, and that hash.
const FORGEABLE: [(&str, &str); 5] = [
    ("1.2.840.113549.1.1.2", "MD2"),
    ("1.2.840.113549.1.1.4", "MD5"),
    ("1.2.840.113549.1.1.5", "SHA-1"),
    ("1.2.840.10040.4.3", "SHA-1"),
    ("1.2.840.10045.4.1", "SHA-1"),
];

/// A reason to refuse a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weakness {
    /// An RSA key that can be broken.
    ShortKey {
        /// Its size.
        bits: usize,
    },
    /// A curve given by its numbers: most verifiers do not read these, and some that did were deceived by them.
    SpelledCurve,
    /// A signature of another CA that can be forged. A root's signature of itself proves nothing, and is no reason.
    Forgeable(&'static str),
}

impl Weakness {
    /// The first one of a certificate.
    pub(super) fn of(x509: &X509Certificate<'_>) -> Option<Self> {
        let is_self_issued = x509.subject().as_raw() == x509.issuer().as_raw();
        let short = rsa_bits(x509.public_key()).filter(|bits| *bits < MIN_RSA_BITS);
        short
            .map(|bits| Self::ShortKey { bits })
            .or_else(|| spells_its_curve(x509).then_some(Self::SpelledCurve))
            .or_else(|| forgeable(x509).filter(|_| !is_self_issued).map(Self::Forgeable))
    }
}

impl fmt::Display for Weakness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ShortKey { bits } => {
                write!(f, "has an RSA key of {bits} bits, and peers ask for {MIN_RSA_BITS} at least")
            }
            Self::SpelledCurve => {
                f.write_str("spells its curve out instead of naming it; make it again with a named curve")
            }
            Self::Forgeable(hash) => {
                write!(f, "is signed with {hash}, which peers refuse; have it signed with SHA-256")
            }
        }
    }
}

fn spells_its_curve(x509: &X509Certificate<'_>) -> bool {
    let algorithm = &x509.public_key().algorithm;
    let parameters = algorithm.parameters.as_ref();
    algorithm.algorithm == OID_KEY_TYPE_EC_PUBLIC_KEY
        && parameters.is_some_and(|parameters| parameters.header.tag() == Tag::Sequence)
}

fn forgeable(x509: &X509Certificate<'_>) -> Option<&'static str> {
    let oid = x509.signature_algorithm.algorithm.to_id_string();
    FORGEABLE.iter().find(|(forgeable, _)| *forgeable == oid).map(|(_, hash)| *hash)
}
