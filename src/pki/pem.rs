//! PEM at the edge: nothing larger or longer than the limits is ever decoded, and no key byte stays behind.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::{PemObject as _, SectionKind};
use zeroize::Zeroizing;

/// The most bytes a PEM text may have. Sixteen RSA-4096 certificates need half of it.
pub const MAX_PEM_BYTES: usize = 64 * 1024;

/// The most certificates one PEM text may hold.
pub const MAX_CERTIFICATES: usize = 16;

/// Characters of base64 on a line (RFC 7468).
const LINE: usize = 64;

/// Why a PEM text could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// Nothing is there.
    #[error("is missing or empty")]
    Missing,
    /// Longer than [`MAX_PEM_BYTES`].
    #[error("is longer than {MAX_PEM_BYTES} bytes")]
    TooLarge,
    /// More certificates than [`MAX_CERTIFICATES`].
    #[error("holds more than {MAX_CERTIFICATES} certificates")]
    TooMany,
    /// No block of the wanted kind, or a block that is not base64.
    #[error("holds no readable PEM block of the kind that belongs there")]
    NotPem,
}

/// All certificates of a PEM text in order, at least one; other blocks are passed over.
pub(super) fn certificates(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, PemError> {
    check_size(text)?;
    let mut found = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(text) {
        if found.len() == MAX_CERTIFICATES {
            return Err(PemError::TooMany);
        }
        found.push(certificate.map_err(|_| PemError::NotPem)?);
    }
    if found.is_empty() { Err(PemError::NotPem) } else { Ok(found) }
}

/// The first private key of a PEM text. Blocks before it (`EC PARAMETERS`, a certificate) are passed over.
pub(super) fn private_key(text: &[u8]) -> Result<Zeroizing<Vec<u8>>, PemError> {
    check_size(text)?;
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(text) {
        let (kind, der) = section.map_err(|_| PemError::NotPem)?;
        let der = Zeroizing::new(der);
        if matches!(kind, SectionKind::PrivateKey | SectionKind::RsaPrivateKey | SectionKind::EcPrivateKey) {
            return Ok(der);
        }
    }
    Err(PemError::NotPem)
}

/// One PEM block, wiped when dropped: the content may be a key.
pub(super) fn encode(label: &str, der: &[u8]) -> Zeroizing<String> {
    let base64 = Zeroizing::new(STANDARD.encode(der));
    // The capacity is exact: a String that grew would leave key bytes in freed memory.
    let lines = base64.len().div_ceil(LINE);
    let frame = 2 * label.len() + "-----BEGIN -----\n-----END -----\n".len();
    let mut text = Zeroizing::new(String::with_capacity(frame + base64.len() + lines));
    let mut rest = base64.as_str();
    text.push_str("-----BEGIN ");
    text.push_str(label);
    text.push_str("-----\n");
    while !rest.is_empty() {
        let (line, tail) = rest.split_at(rest.len().min(LINE));
        text.push_str(line);
        text.push('\n');
        rest = tail;
    }
    text.push_str("-----END ");
    text.push_str(label);
    text.push_str("-----\n");
    text
}

/// The certificates as one PEM text, in the order given.
pub(super) fn encode_certificates<'a>(chain: impl IntoIterator<Item = &'a CertificateDer<'a>>) -> String {
    let mut text = String::new();
    for certificate in chain {
        text.push_str(&encode("CERTIFICATE", certificate));
    }
    text
}

fn check_size(text: &[u8]) -> Result<(), PemError> {
    match text.len() {
        0 => Err(PemError::Missing),
        1..=MAX_PEM_BYTES => Ok(()),
        _ => Err(PemError::TooLarge),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_64_characters_and_the_text_reads_back() {
        for length in [1, 47, 48, 49, 96, 500] {
            let der: Vec<u8> = (0..length).map(|byte| u8::try_from(byte % 251).unwrap()).collect();
            let text = encode("PRIVATE KEY", &der);
            assert!(text.lines().all(|line| line.len() <= LINE));
            assert_eq!(text.len(), text.capacity(), "the buffer must not have grown");
            assert_eq!(*private_key(text.as_bytes()).unwrap(), der);
        }
    }

    #[test]
    fn a_megabyte_is_refused_before_it_is_decoded() {
        let huge = encode("CERTIFICATE", &vec![0x30; 1 << 20]);
        assert_eq!(certificates(huge.as_bytes()), Err(PemError::TooLarge));
        assert_eq!(private_key(huge.as_bytes()), Err(PemError::TooLarge));
    }

    #[test]
    fn the_seventeenth_certificate_is_refused() {
        let one = encode("CERTIFICATE", b"x");
        assert_eq!(certificates(one.repeat(16).as_bytes()).unwrap().len(), 16);
        assert_eq!(certificates(one.repeat(17).as_bytes()), Err(PemError::TooMany));
    }

    #[test]
    fn text_without_a_certificate_is_not_an_empty_list() {
        assert_eq!(certificates(b""), Err(PemError::Missing));
        for text in ["hello", "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n"] {
            assert_eq!(certificates(text.as_bytes()), Err(PemError::NotPem), "{text:?}");
        }
    }
}
