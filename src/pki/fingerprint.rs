//! Fingerprints and key ids are shown in one way only: lower-case hex without separators.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest;

use super::hex;

/// Why a text is not a fingerprint or key id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HexError {
    /// A character that is neither a hex digit nor a colon between two octets.
    #[error(
        "is not hexadecimal; write it as `openssl x509 -fingerprint -sha256` prints it, or without the colons"
    )]
    NotHex,
    /// The wrong number of octets.
    #[error("has the wrong length; a SHA-256 fingerprint has 64 hexadecimal digits")]
    WrongLength,
}

/// SHA-256 of a certificate's DER: the name of a root everywhere users meet one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of a DER certificate.
    #[must_use]
    pub fn of(der: &[u8]) -> Self {
        Self(sha256(der))
    }

    /// The 32 octets.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for Fingerprint {
    type Err = HexError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        octets(text)?.try_into().map(Self).map_err(|_| HexError::WrongLength)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(f, &self.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(f, &self.0)
    }
}

/// Subject or authority key identifier: which key signed, whatever certificate carries it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(Box<[u8]>);

impl KeyId {
    /// The identifier with these octets.
    #[must_use]
    pub fn new(octets: &[u8]) -> Self {
        Self(octets.into())
    }

    /// The octets.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl FromStr for KeyId {
    type Err = HexError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let octets = octets(text)?;
        if octets.is_empty() { Err(HexError::WrongLength) } else { Ok(Self(octets.into())) }
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(f, &self.0)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(f, &self.0)
    }
}

/// Enough of a fingerprint for a sentence: 64 bits. Status has all of it.
#[must_use]
pub fn abbreviated(fingerprint: &str) -> &str {
    fingerprint.get(..16).unwrap_or(fingerprint)
}

/// SHA-256 (FIPS 180-4).
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}

/// Reads hex of either case, with a colon between all octets or none.
fn octets(text: &str) -> Result<Vec<u8>, HexError> {
    let digits = if text.contains(':') { without_colons(text)? } else { text.to_owned() };
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(HexError::NotHex);
    }
    hex::read(&digits).ok_or(HexError::WrongLength)
}

fn without_colons(text: &str) -> Result<String, HexError> {
    if text.split(':').any(|octet| octet.len() != 2) {
        Err(HexError::NotHex)
    } else {
        Ok(text.replace(':', ""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_that_openssl_prints_reads_as_the_form_that_we_print() {
        let ours = Fingerprint::of(b"certificate");
        let openssl: Vec<String> = ours.as_bytes().iter().map(|octet| format!("{octet:02X}")).collect();
        assert_eq!(openssl.join(":").parse(), Ok(ours));
        assert_eq!(ours.to_string().parse(), Ok(ours));
        assert_eq!(ours.to_string().to_uppercase().parse(), Ok(ours));
    }

    #[test]
    fn anything_else_is_refused() {
        let good = Fingerprint::of(b"x").to_string();
        let with_gap = format!("{}:{}", &good[..3], &good[3..]);
        for bad in ["", "zz", "ab", &good[1..], &good[2..], &with_gap, &format!("{good}00"), "é"] {
            assert!(bad.parse::<Fingerprint>().is_err(), "{bad}");
        }
        assert!("".parse::<KeyId>().is_err());
        assert_eq!("AB:01".parse::<KeyId>().unwrap().to_string(), "ab01");
    }

    #[test]
    fn a_fingerprint_is_sha256() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Fingerprint::of(b"").to_string(), empty);
    }
}
