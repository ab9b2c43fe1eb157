//! A CA that signs leaves. It issues nothing that peers would not accept: each leaf is verified before it is returned.

use rustls_pki_types::CertificateDer;
use zeroize::Zeroizing;

use super::certificate::CaCertificate;
use super::issuer::Issuer;
use super::leaf_params::leaf_params;
use super::serial::NoRandomness;
use super::{
    CrossCertificate, Fingerprint, KeyError, KeyId, Leaf, LeafError, LeafProfile, PrivateKey, Serial,
    TrustBundle, Validity, pem, verify,
};

/// A CA as it is kept in a Secret. Has no `Debug`: it holds the key.
///
/// ```compile_fail,E0277
/// fn shown<T: std::fmt::Debug>() {}
/// shown::<mtls_operator::pki::AuthorityPem>();
/// ```
#[derive(Clone)]
pub struct AuthorityPem {
    /// `tls.crt`: the signing certificate, then its intermediates.
    pub chain: Vec<u8>,
    /// `tls.key`: the signing key.
    pub key: Zeroizing<Vec<u8>>,
    /// `ca.crt`: the roots that peers trust.
    pub anchors: Vec<u8>,
}

/// Why nothing was issued.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// No key could be made.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// No serial number could be drawn.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// A name that a certificate cannot hold.
    #[error("the name {0:?} cannot stand in a certificate: use ASCII only")]
    Name(String),
    /// The window is empty or reaches outside the signer's.
    #[error(
        "the validity asked for is empty or reaches outside the authority's own; renew the authority first"
    )]
    OutsideSigner,
    /// The library could not sign.
    #[error("the cryptographic library did not sign the certificate")]
    NotSigned,
    /// Name constraints of a provided CA exclude names.
    #[error(
        "name constraints of the authority's CA exclude {}; ask for names that they allow, or provide a CA whose constraints allow these",
        .0.join(", ")
    )]
    NamesExcluded(Vec<String>),
    /// Peers would refuse it.
    #[error("peers would refuse the certificate: {0}; look for key usages in the authority's chain")]
    Refused(#[from] LeafError),
    /// The certificate is not what was asked for.
    #[error("the certificate came out with other names, key or serial number than asked for")]
    NotAsAsked,
}

impl IssueError {
    /// Whether another attempt with the same names and the same authority must end alike.
    #[must_use]
    pub const fn is_permanent(&self) -> bool {
        matches!(self, Self::Name(_) | Self::NamesExcluded(_) | Self::Refused(_) | Self::NotAsAsked)
    }
}

/// A leaf with its chain and key, verified.
///
/// ```compile_fail,E0277
/// fn shown<T: std::fmt::Debug>() {}
/// shown::<mtls_operator::pki::IssuedLeaf>();
/// ```
pub struct IssuedLeaf {
    /// What is in the certificate.
    pub leaf: Leaf,
    /// `tls.crt`: the leaf, then the intermediates; never a self-signed root.
    pub chain_pem: String,
    /// `tls.key`: PKCS#8 version 1.
    pub key_pem: Zeroizing<String>,
}

/// The certificate that signs.
pub(super) struct Signer {
    /// SHA-256 of its certificate.
    pub fingerprint: Fingerprint,
    /// Its key.
    pub key_id: KeyId,
    /// When a leaf it signs can be valid.
    pub window: Validity,
}

/// A CA that was checked and may sign. Made by [`Authority::load`].
///
/// ```compile_fail,E0277
/// fn shown<T: std::fmt::Debug>() {}
/// shown::<mtls_operator::pki::Authority>();
/// ```
pub struct Authority {
    pub(super) issuer: Issuer,
    pub(super) signer: Signer,
    /// The signing certificate and those above it, the root left out unless it is what signs.
    pub(super) chain: Vec<CaCertificate>,
    /// What follows every leaf in `tls.crt`.
    pub(super) served: Vec<CertificateDer<'static>>,
    /// The cross-certificate that follows then, if there is one.
    pub(super) cross: Option<CrossCertificate>,
    /// The roots of its own.
    pub(super) anchors: TrustBundle,
    /// The roots that peers trust: also those that will sign, and those that have signed.
    pub(super) bundle: TrustBundle,
}

impl Authority {
    /// Identifier of the signing key: the authority key identifier of every leaf.
    #[must_use]
    pub const fn key_id(&self) -> &KeyId {
        &self.signer.key_id
    }

    /// SHA-256 of the signing certificate.
    #[must_use]
    pub const fn fingerprint(&self) -> Fingerprint {
        self.signer.fingerprint
    }

    /// SHA-256 of the signing certificate, of those above it and of the root, in this order.
    #[must_use]
    pub fn fingerprints(&self) -> Vec<Fingerprint> {
        let mut found: Vec<_> = self.chain.iter().chain(self.root()).map(|ca| ca.fingerprint).collect();
        found.dedup();
        found
    }

    /// The same as texts: lower-case hex.
    #[must_use]
    pub fn fingerprint_texts(&self) -> Vec<String> {
        self.fingerprints().iter().map(ToString::to_string).collect()
    }

    /// Whether it signs with one of these certificates, or below one of them.
    #[must_use]
    pub fn is_any_of(&self, fingerprints: &[Fingerprint]) -> bool {
        self.fingerprints().iter().any(|found| fingerprints.contains(found))
    }

    /// Whether an intermediate signs.
    #[must_use]
    pub fn is_intermediate(&self) -> bool {
        self.chain.first().is_some_and(|signer| !signer.is_self_issued())
    }

    /// When a leaf can be valid: the signer's window, narrowed by every certificate up to the root.
    #[must_use]
    pub const fn window(&self) -> Validity {
        self.signer.window
    }

    /// Its own roots.
    #[must_use]
    pub const fn anchors(&self) -> &TrustBundle {
        &self.anchors
    }

    /// The same authority during a rotation: peers trust `others` too, but none that is distrusted, and its cross-certificate is
    /// served with its leaves.
    #[must_use]
    pub fn with_rotation(
        self,
        others: &[&TrustBundle],
        cross: Option<&CrossCertificate>,
        distrusted: &[Fingerprint],
    ) -> Self {
        let all = others.iter().fold(self.anchors.clone(), |all, other| all.union(other));
        let lost = all.only(distrusted);
        let is_sound = |cross: &&CrossCertificate| lost.as_ref().is_none_or(|lost| !cross.is_below(lost));
        let cross = cross.filter(|cross| cross.certifies(&self)).filter(is_sound).cloned();
        let bundle = all.without(distrusted).unwrap_or(all);
        Self { cross, bundle, ..self }
    }

    /// What follows a leaf: intermediates, and the cross-certificate. One that ends before the leaf is needed until it ends,
    /// and harmless afterwards.
    pub(super) fn served(&self) -> impl Iterator<Item = &CertificateDer<'static>> {
        self.served.iter().chain(self.cross.iter().map(CrossCertificate::der))
    }

    /// Whether a cross-certificate is served with its leaves.
    #[must_use]
    pub const fn has_cross_certificate(&self) -> bool {
        self.cross.is_some()
    }

    /// The roots that peers trust.
    #[must_use]
    pub const fn bundle(&self) -> &TrustBundle {
        &self.bundle
    }

    /// Issues a leaf, and verifies it as a peer would before it is returned.
    ///
    /// # Errors
    /// If the window is outside the authority's, a name cannot be written, or a peer would refuse the result.
    #[expect(clippy::needless_pass_by_value, reason = "a key is certified once: it is used up here")]
    pub fn issue(
        &self,
        profile: &LeafProfile,
        key: PrivateKey,
        window: Validity,
        serial: Serial,
    ) -> Result<IssuedLeaf, IssueError> {
        if !self.signer.window.contains(&window) {
            return Err(IssueError::OutsideSigner);
        }
        let params = leaf_params(profile, window, serial)?;
        let der = self.issuer.sign(&params, None, &key).ok_or(IssueError::NotSigned)?;
        let chain: Vec<_> = std::iter::once(der).chain(self.served().cloned()).collect();
        let chain_pem = pem::encode_certificates(&chain);
        pem::STORED.check(chain_pem.len(), chain.len()).map_err(LeafError::from)?;
        let verified = verify::verify(&chain, &key, &self.bundle, window.not_before);
        let leaf = verified.map_err(|error| self.refusal(error, profile))?;
        if !leaf.matches(profile) || leaf.serial != serial || leaf.window != window {
            return Err(IssueError::NotAsAsked);
        }
        Ok(IssuedLeaf { leaf, chain_pem, key_pem: key.to_pem() })
    }

    /// Why peers would refuse a leaf, with the names that are the cause.
    fn refusal(&self, error: LeafError, profile: &LeafProfile) -> IssueError {
        match error {
            LeafError::NameExcluded => {
                self.excluded_names(profile).map_or_else(|error| error, IssueError::NamesExcluded)
            }
            other => IssueError::Refused(other),
        }
    }
}
