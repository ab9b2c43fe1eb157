//! The evidence key of an authority: only the operator, which reads the root Secret, can prove the claim of a status.
//!
//! Signers are replaced and the key stays, so that also an older backup distinguishes a status of a later signer from a forgery.

use std::fmt;

use aws_lc_rs::hmac;
use jiff::Timestamp;
use zeroize::Zeroizing;

use super::hex;
use super::serial::NoRandomness;
use super::{sha256, whole_second};

/// Octets of a key: as many as the hash has.
const OCTETS: usize = 32;

/// An evidence key. Has no `Debug`, and is wiped when dropped.
///
/// ```compile_fail,E0277
/// fn shown<T: std::fmt::Debug>() {}
/// shown::<mtls_operator::pki::EvidenceKey>();
/// ```
#[derive(Clone)]
pub struct EvidenceKey(Zeroizing<[u8; OCTETS]>);

/// The claim of a status about a leaf: its identity, the key that signed it, and its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim<'a> {
    /// Uid of the identity.
    pub uid: &'a str,
    /// Key identifier of the signer, hex.
    pub key_id: &'a str,
    /// End of the leaf.
    pub not_after: Timestamp,
}

impl EvidenceKey {
    /// A new key.
    ///
    /// # Errors
    /// If the system's random source fails.
    pub fn random() -> Result<Self, NoRandomness> {
        let mut octets = Zeroizing::new([0; OCTETS]);
        aws_lc_rs::rand::fill(&mut *octets).map_err(|_| NoRandomness)?;
        Ok(Self(octets))
    }

    /// The key with these octets. `None` where it is not of the right length.
    #[must_use]
    pub fn from_octets(octets: &[u8]) -> Option<Self> {
        octets.try_into().ok().map(|octets| Self(Zeroizing::new(octets)))
    }

    /// The octets, for the root Secret.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &*self.0
    }

    /// The name of the key, which does not reveal it: its SHA-256, hex.
    #[must_use]
    pub fn id(&self) -> String {
        shown(&sha256(self.octets()))
    }

    /// The proof that the holder of this key makes this claim, hex.
    #[must_use]
    pub fn prove(&self, claim: &Claim<'_>) -> String {
        shown(hmac::sign(&self.hmac(), claim.to_string().as_bytes()).as_ref())
    }

    /// Whether this is the proof of this claim. Takes the same time for every proof that is not.
    #[must_use]
    pub fn has_proved(&self, claim: &Claim<'_>, proof: &str) -> bool {
        let tag = hex::read(proof);
        tag.is_some_and(|tag| hmac::verify(&self.hmac(), claim.to_string().as_bytes(), &tag).is_ok())
    }

    fn hmac(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, self.octets())
    }
}

/// The text that is proved. The end is spelled as status spells it: in whole seconds.
impl fmt::Display for Claim<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v1\n{}\n{}\n{}", self.uid, self.key_id, whole_second(self.not_after))
    }
}

fn shown(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len() * 2);
    // Writing to a String does not fail.
    let _ = hex::write(&mut text, octets);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: Timestamp = Timestamp::constant(1_780_086_400, 999);
    const CLAIM: Claim<'_> = Claim { uid: "uid-1", key_id: "a1", not_after: END };

    fn key() -> EvidenceKey {
        EvidenceKey::from_octets(&[7; OCTETS]).unwrap()
    }

    /// As `printf 'v1\nuid-1\na1\n2026-05-29T20:26:40Z' | openssl dgst -sha256 -mac HMAC -macopt hexkey:0707…` prints it.
    #[test]
    fn a_proof_is_hmac_sha256_over_the_claim_as_it_is_documented() {
        assert_eq!(CLAIM.to_string(), "v1\nuid-1\na1\n2026-05-29T20:26:40Z");
        assert_eq!(key().prove(&CLAIM), "2d57dbdf40aa5bc300c4b8b2bef1aa44ebbaa37c01c584378a8d396e832d2df5");
        assert_eq!(key().id(), "4bb06f8e4e3a7715d201d573d0aa423762e55dabd61a2c02278fa56cc6d294e0");
    }

    #[test]
    fn a_proof_holds_for_one_claim_and_one_key() {
        let proof = key().prove(&CLAIM);
        assert!(key().has_proved(&CLAIM, &proof));
        let others = [
            Claim { uid: "uid-2", ..CLAIM },
            Claim { key_id: "a2", ..CLAIM },
            Claim { not_after: Timestamp::MAX, ..CLAIM },
        ];
        assert!(others.iter().all(|other| !key().has_proved(other, &proof)));
        let cut = &proof[..62];
        assert!(["", "00", cut, "no hex"].iter().all(|other| !key().has_proved(&CLAIM, other)));
        assert!(!EvidenceKey::random().unwrap().has_proved(&CLAIM, &proof));
    }

    #[test]
    fn a_key_has_32_octets_and_each_is_another() {
        assert!([0, 31, 33].iter().all(|length| EvidenceKey::from_octets(&vec![7; *length]).is_none()));
        assert_ne!(EvidenceKey::random().unwrap().id(), EvidenceKey::random().unwrap().id());
    }
}
