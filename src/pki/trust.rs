//! Trust bundles: non-empty sets of self-issued CA certificates. Equal sets have equal text and equal hash.

use std::fmt;

use rustls_pki_types::{CertificateDer, TrustAnchor};

use super::certificate::CaCertificate;
use super::fingerprint::sha256;
use super::pem::{self, PemError};
use super::{Fingerprint, KeyId, Validity, Weakness, hex};

/// Octets of the bundle's hash: enough that no two bundles of a cluster share one.
const HASH_OCTETS: usize = 16;

/// Why a text is not a trust bundle. `number` counts the certificates from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// Not a PEM text with certificates.
    #[error("the trust bundle (ca.crt) {0}")]
    Pem(#[from] PemError),
    /// Not an X.509 certificate.
    #[error("certificate {number} of the trust bundle (ca.crt) is damaged")]
    Damaged {
        /// Which one.
        number: usize,
    },
    /// Not a root: an end-entity or an intermediate certificate.
    #[error(
        "certificate {number} of the trust bundle (ca.crt) is not a root; put only self-signed CA certificates there"
    )]
    NotRoot {
        /// Which one.
        number: usize,
    },
    /// Self-signed, and nothing in it says that it is a CA's.
    #[error(
        "certificate {number} of the trust bundle (ca.crt) is self-signed, but not a CA certificate (basic constraints CA, key usage keyCertSign); issue it again as one"
    )]
    NotCa {
        /// Which one.
        number: usize,
    },
    /// A root that peers refuse, or should.
    #[error("certificate {number} of the trust bundle (ca.crt), {subject:?}, {weakness}")]
    Weak {
        /// Which one.
        number: usize,
        /// Its name.
        subject: String,
        /// What is wrong with it.
        weakness: Weakness,
    },
}

/// The roots that a peer trusts.
#[derive(Clone)]
pub struct TrustBundle {
    /// Sorted by fingerprint, without repetition.
    anchors: Vec<CaCertificate>,
    /// The same roots as webpki wants them, in the same order.
    webpki: Vec<TrustAnchor<'static>>,
    text: String,
}

impl fmt::Debug for TrustBundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.fingerprints()).finish()
    }
}

impl PartialEq for TrustBundle {
    fn eq(&self, other: &Self) -> bool {
        self.same_anchors(other)
    }
}

impl Eq for TrustBundle {}

impl TrustBundle {
    /// Reads a bundle; order and repetition mean nothing.
    ///
    /// # Errors
    /// If there is no certificate, or one that is no root.
    pub fn from_pem(text: &[u8]) -> Result<Self, TrustError> {
        let mut anchors = Vec::new();
        for (index, der) in pem::certificates(text, pem::STORED)?.iter().enumerate() {
            anchors.push(read_anchor(der, index + 1)?);
        }
        Ok(Self::of(anchors))
    }

    /// The roots of both.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let all = |bundle: &Self| bundle.anchors.clone().into_iter().zip(bundle.webpki.clone());
        Self::of(all(self).chain(all(other)).collect())
    }

    /// Without the roots with these fingerprints. `None` where nothing remains.
    #[must_use]
    pub fn without(&self, fingerprints: &[Fingerprint]) -> Option<Self> {
        let all = self.anchors.iter().cloned().zip(self.webpki.iter().cloned());
        let left: Vec<_> = all.filter(|(anchor, _)| !fingerprints.contains(&anchor.fingerprint)).collect();
        (!left.is_empty()).then(|| Self::of(left))
    }

    /// Only the roots with these fingerprints. `None` where there are none.
    #[must_use]
    pub fn only(&self, fingerprints: &[Fingerprint]) -> Option<Self> {
        let others: Vec<_> = self.fingerprints().filter(|found| !fingerprints.contains(found)).collect();
        self.without(&others)
    }

    fn of(mut anchors: Vec<(CaCertificate, TrustAnchor<'static>)>) -> Self {
        anchors.sort_unstable_by_key(|(anchor, _)| anchor.fingerprint);
        anchors.dedup_by_key(|(anchor, _)| anchor.fingerprint);
        let (anchors, webpki): (Vec<CaCertificate>, _) = anchors.into_iter().unzip();
        let text = pem::encode_certificates(anchors.iter().map(|anchor| &anchor.der));
        Self { anchors, webpki, text }
    }

    /// The canonical text: the same for the same roots.
    #[must_use]
    pub fn to_pem(&self) -> &str {
        &self.text
    }

    /// Hash of the set of roots, 32 hexadecimal digits.
    #[must_use]
    pub fn hash(&self) -> String {
        let set: Vec<u8> = self.fingerprints().flat_map(|fingerprint| *fingerprint.as_bytes()).collect();
        let mut text = String::with_capacity(2 * HASH_OCTETS);
        let hash = sha256(&set);
        // Writing to a String cannot fail.
        let _ = hex::write(&mut text, hash.get(..HASH_OCTETS).unwrap_or(&hash));
        text
    }

    /// Whether the root with this fingerprint is trusted.
    #[must_use]
    pub fn contains(&self, fingerprint: &Fingerprint) -> bool {
        self.fingerprints().any(|found| found == *fingerprint)
    }

    /// Whether both trust the same roots.
    #[must_use]
    pub fn same_anchors(&self, other: &Self) -> bool {
        self.fingerprints().eq(other.fingerprints())
    }

    /// The fingerprints, in ascending order.
    pub fn fingerprints(&self) -> impl Iterator<Item = Fingerprint> + '_ {
        self.anchors.iter().map(|anchor| anchor.fingerprint)
    }

    /// Key and validity of the root with this fingerprint.
    #[must_use]
    pub fn describe(&self, fingerprint: &Fingerprint) -> Option<(KeyId, Validity)> {
        let anchor = self.anchors.iter().find(|anchor| anchor.fingerprint == *fingerprint)?;
        Some((anchor.key_id.clone()?, anchor.window))
    }

    /// The roots with this name.
    pub(super) fn named<'a>(&'a self, subject: &'a [u8]) -> impl Iterator<Item = &'a CaCertificate> {
        self.anchors.iter().filter(move |anchor| anchor.subject == subject)
    }

    pub(super) fn webpki(&self) -> &[TrustAnchor<'static>] {
        &self.webpki
    }

    /// The certificates of an anchor that webpki found. Several, where a root was renewed with its key.
    pub(super) fn certificates<'a>(
        &'a self,
        found: &'a TrustAnchor<'_>,
    ) -> impl Iterator<Item = &'a CaCertificate> + Clone {
        let pairs = self.anchors.iter().zip(&self.webpki);
        pairs.filter(move |(_, anchor)| is_same_key(anchor, found)).map(|(anchor, _)| anchor)
    }
}

fn read_anchor(
    der: &CertificateDer<'_>,
    number: usize,
) -> Result<(CaCertificate, TrustAnchor<'static>), TrustError> {
    let certificate = CaCertificate::parse(der).ok_or(TrustError::Damaged { number })?;
    if !certificate.is_self_issued() {
        return Err(TrustError::NotRoot { number });
    }
    if !certificate.is_root() {
        return Err(TrustError::NotCa { number });
    }
    let anchor = webpki::anchor_from_trusted_cert(der).map_err(|_| TrustError::Damaged { number })?;
    Ok((certificate, anchor.to_owned()))
}

fn is_same_key(one: &TrustAnchor<'_>, other: &TrustAnchor<'_>) -> bool {
    one.subject == other.subject && one.subject_public_key_info == other.subject_public_key_info
}
