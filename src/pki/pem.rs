//! PEM at the edge: nothing larger or longer than the limits is ever decoded, no certificate is passed over unseen, and
//! no key byte stays behind.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::CertificateDer;
use x509_parser::der_parser::asn1_rs::{Any, FromDer as _};
use zeroize::Zeroizing;

use super::block::{self, Block, blocks};

/// How much one PEM text may hold.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    bytes: usize,
    certificates: usize,
}

/// The most certificates that people may provide in one text.
pub const MAX_PROVIDED_CERTIFICATES: usize = 64;

/// The most bytes of such a text. A certificate of RSA-4096 has less than 3 KiB.
pub const MAX_PROVIDED_BYTES: usize = MAX_PROVIDED_CERTIFICATES * 3 * 1024;

/// How many provided texts one that is written can be joined from: the anchors of the signer, of the next one, and of
/// two that retire.
const JOINED: usize = 4;

/// The most certificates one PEM text may hold.
pub const MAX_CERTIFICATES: usize = JOINED * MAX_PROVIDED_CERTIFICATES;

/// The most bytes a PEM text may have. A Secret holds a quarter more.
pub const MAX_PEM_BYTES: usize = JOINED * MAX_PROVIDED_BYTES;

/// What people may provide.
pub(super) const PROVIDED: Limits =
    Limits { bytes: MAX_PROVIDED_BYTES, certificates: MAX_PROVIDED_CERTIFICATES };

/// What is read back, and so all that may be written.
pub(super) const STORED: Limits = Limits { bytes: MAX_PEM_BYTES, certificates: MAX_CERTIFICATES };

/// Labels under which OpenSSL reads a certificate. Behind one of the last, it puts what it trusts it for.
const CERTIFICATE: [&str; 3] = ["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"];

/// Labels of a private key that is not encrypted.
const PRIVATE_KEY: [&str; 3] = ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"];

/// Characters of base64 on a line (RFC 7468).
const LINE: usize = 64;

/// Why a PEM text could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// Nothing is there.
    #[error("is missing or empty")]
    Missing,
    /// The text is too long.
    #[error("is longer than {limit} bytes")]
    TooLarge {
        /// The most bytes.
        limit: usize,
    },
    /// Too many certificates.
    #[error("holds more than {limit} certificates; remove those that are not needed")]
    TooMany {
        /// The most certificates.
        limit: usize,
    },
    /// No block of the wanted kind, or a block that is not base64.
    #[error("holds no readable PEM block of the kind that belongs there; convert DER with openssl")]
    NotPem,
    /// Some certificates cannot be read: none is left out without a word.
    #[error(
        "has BEGIN CERTIFICATE {begun} times, and {read} of these could be read; each needs a line for BEGIN, base64, and a line for END with the same words"
    )]
    Unread {
        /// How often one begins.
        begun: usize,
        /// How many could be read.
        read: usize,
    },
}

impl Limits {
    /// Whether a text with so many bytes and certificates can be read.
    pub(super) const fn check(self, bytes: usize, certificates: usize) -> Result<(), PemError> {
        if bytes == 0 {
            Err(PemError::Missing)
        } else if bytes > self.bytes {
            Err(PemError::TooLarge { limit: self.bytes })
        } else if certificates > self.certificates {
            Err(PemError::TooMany { limit: self.certificates })
        } else {
            Ok(())
        }
    }
}

/// All certificates of a PEM text in order, at least one; blocks of other kinds are passed over.
pub(super) fn certificates(text: &[u8], limits: Limits) -> Result<Vec<CertificateDer<'static>>, PemError> {
    limits.check(text.len(), 0)?;
    let begun = block::begun(text, &CERTIFICATE);
    limits.check(text.len(), begun)?;
    let found: Vec<_> = blocks(text).filter_map(|block| certificate(&block)).collect();
    match found.len() {
        0 if begun == 0 => Err(PemError::NotPem),
        read if read == begun => Ok(found),
        read => Err(PemError::Unread { begun, read }),
    }
}

fn certificate(block: &Block<'_>) -> Option<CertificateDer<'static>> {
    if !block.is_one_of(&CERTIFICATE) {
        return None;
    }
    let der = block.decode()?;
    let end = if block.is_one_of(&["TRUSTED CERTIFICATE"]) { first_element(&der)? } else { der.len() };
    Some(CertificateDer::from(der.get(..end)?.to_vec()))
}

/// Where the first DER element ends.
fn first_element(der: &[u8]) -> Option<usize> {
    let (rest, _) = Any::from_der(der).ok()?;
    der.len().checked_sub(rest.len())
}

/// The first private key of a PEM text. Blocks before it (`EC PARAMETERS`, a certificate) are passed over.
pub(super) fn private_key(text: &[u8]) -> Result<Zeroizing<Vec<u8>>, PemError> {
    PROVIDED.check(text.len(), 0)?;
    let key = blocks(text).find(|block| block.is_one_of(&PRIVATE_KEY));
    key.and_then(|block| block.decode()).ok_or(PemError::NotPem)
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
        assert_eq!(certificates(huge.as_bytes(), STORED), Err(PemError::TooLarge { limit: MAX_PEM_BYTES }));
        assert_eq!(private_key(huge.as_bytes()), Err(PemError::TooLarge { limit: MAX_PROVIDED_BYTES }));
    }

    #[test]
    fn one_certificate_more_than_the_limit_is_refused() {
        let one = encode("CERTIFICATE", b"x");
        for (limits, most) in [(PROVIDED, MAX_PROVIDED_CERTIFICATES), (STORED, MAX_CERTIFICATES)] {
            assert_eq!(certificates(one.repeat(most).as_bytes(), limits).unwrap().len(), most);
            let more = certificates(one.repeat(most + 1).as_bytes(), limits);
            assert_eq!(more, Err(PemError::TooMany { limit: most }));
        }
    }

    #[test]
    fn text_without_a_certificate_is_not_an_empty_list() {
        assert_eq!(certificates(b"", STORED), Err(PemError::Missing));
        assert_eq!(certificates(b"hello", STORED), Err(PemError::NotPem));
        let unread = "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n";
        assert_eq!(certificates(unread.as_bytes(), STORED), Err(PemError::Unread { begun: 1, read: 0 }));
    }
}
