//! The leaf profile, checked on the finished certificate: every field that a verifier somewhere leaves unchecked.

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{ExtendedKeyUsage, KeyUsage};
use x509_parser::prelude::X509Version;

use super::certificate::subject_key_id;
use super::{CommonName, Leaf, LeafError};

/// Bits that a serial number must have: a shorter one was counted, not drawn.
const MIN_SERIAL_BITS: usize = 64;

/// Checks all that can be seen in the leaf alone.
pub(super) fn check(x509: &X509Certificate<'_>, leaf: &Leaf) -> Result<(), LeafError> {
    let rules = [
        (x509.version() == X509Version::V3, "the version is not 3"),
        (x509.extensions_map().is_ok(), "an extension is repeated"),
        (leaf.serial.bits() >= MIN_SERIAL_BITS, "the serial number is shorter than 64 bits"),
        (leaf.spiffe_ids.len() == 1, "there is not exactly one URI name"),
        (leaf.common_name.is_some(), "the subject is neither empty nor the service account of the URI name"),
        (subject_key_id(x509).is_some(), "the subject key identifier is missing"),
        (
            names_are_critical(x509) == (leaf.common_name == Some(CommonName::None)),
            "the subject alternative names are critical beside a subject, or not critical without one",
        ),
        (is_end_entity(x509), "the basic constraints do not critically say that it is no CA"),
        (has_key_usage(x509, leaf), "the key usage is not critical, or not what the key is for"),
        (has_both_purposes(x509), "the extended key usage is not exactly server and client authentication"),
        (leaf.key_algorithm.is_some(), "the key is of another kind than those we issue"),
    ];
    let broken = rules.iter().find(|(holds, _)| !holds);
    broken.map_or(Ok(()), |(_, rule)| Err(LeafError::BadProfile(rule)))
}

/// RFC 5280 §4.2.1.6: with an empty subject the names are all there is, and critical; beside a subject they should not be.
fn names_are_critical(x509: &X509Certificate<'_>) -> bool {
    x509.subject_alternative_name().ok().flatten().is_some_and(|names| names.critical)
}

fn is_end_entity(x509: &X509Certificate<'_>) -> bool {
    let constraints = x509.basic_constraints().ok().flatten();
    constraints.is_some_and(|found| found.critical && !found.value.ca)
}

fn has_key_usage(x509: &X509Certificate<'_>, leaf: &Leaf) -> bool {
    let is_rsa = leaf.key_algorithm.is_some_and(super::KeyAlgorithm::is_rsa);
    let usage = x509.key_usage().ok().flatten();
    usage.is_some_and(|found| found.critical && is_as_we_set(*found.value, is_rsa))
}

/// `digitalSignature`, with `keyEncipherment` for RSA only (RFC 8813 §3), and nothing else.
fn is_as_we_set(usage: KeyUsage, is_rsa: bool) -> bool {
    const DIGITAL_SIGNATURE: u16 = 1;
    const KEY_ENCIPHERMENT: u16 = 1 << 2;
    usage.flags == if is_rsa { DIGITAL_SIGNATURE | KEY_ENCIPHERMENT } else { DIGITAL_SIGNATURE }
}

fn has_both_purposes(x509: &X509Certificate<'_>) -> bool {
    let wanted = ExtendedKeyUsage { any: false, server_auth: true, client_auth: true, ..no_purpose() };
    let purposes = x509.extended_key_usage().ok().flatten();
    purposes.is_some_and(|found| *found.value == wanted)
}

const fn no_purpose() -> ExtendedKeyUsage<'static> {
    ExtendedKeyUsage {
        any: false,
        server_auth: false,
        client_auth: false,
        code_signing: false,
        email_protection: false,
        time_stamping: false,
        ocsp_signing: false,
        other: Vec::new(),
    }
}
