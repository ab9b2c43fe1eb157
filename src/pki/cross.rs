//! A cross-certificate carries a verifier that still trusts only a former root to a leaf of the present one: subject,
//! key and key identifier of the new root, signed by the former.

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, ExtendedKeyUsagePurpose, IsCa, KeyIdMethod,
    KeyUsagePurpose, SerialNumber, SubjectPublicKeyInfo,
};
use rustls_pki_types::CertificateDer;
use webpki::EndEntityCert;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;

use super::certificate::{self, CaCertificate};
use super::leaf_params::bare_params;
use super::validity::to_offset;
use super::{
    Authority, IssueError, KeyAlgorithm, PemError, PrivateKey, Serial, TrustBundle, Validity, pem, verify,
};

/// Why there is no cross-certificate. Rotation goes on without it, on the observed distribution alone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CrossError {
    /// The former root, or the new one, forbids the path.
    #[error(
        "a path over the former root would not hold (path length or name constraints of one of the two): {0}"
    )]
    NoPath(super::LeafError),
    /// An intermediate signs, which would have to follow the cross-certificate in every chain.
    #[error(
        "the former CA is an intermediate: it would have to follow the cross-certificate, and GnuTLS refuses such a chain though it trusts the signer"
    )]
    Intermediate,
    /// The key of the new root cannot be written into another certificate, or its limits cannot.
    #[error("key or constraints of the new root cannot be certified again")]
    NotWritable,
    /// The library could not sign.
    #[error(transparent)]
    Issue(#[from] IssueError),
}

/// A cross-certificate. Nothing follows it in a chain: GnuTLS refuses one that goes on after it, though it trusts the signer
/// (`docs/verifiers.md`).
#[derive(Clone)]
pub struct CrossCertificate(CaCertificate);

impl CrossCertificate {
    /// Reads the one for the root of an authority. `None` where the text holds none for it. Version 0.1 wrote every
    /// cross-certificate of a root's life one after another.
    ///
    /// # Errors
    /// If the text holds anything but certificates.
    pub fn from_pem(text: &[u8], of: &Authority) -> Result<Option<Self>, PemError> {
        if text.is_empty() {
            return Ok(None);
        }
        let certificates = pem::certificates(text, pem::STORED)?;
        let read = certificates.iter().map(|der| CaCertificate::parse(der).ok_or(PemError::NotPem));
        let read: Vec<_> = read.collect::<Result<_, _>>()?;
        let is_it = |found: &CaCertificate| of.root().is_some_and(|root| is_same_ca(found, root));
        Ok(read.into_iter().find(is_it).map(Self))
    }

    /// As PEM.
    #[must_use]
    pub fn to_pem(&self) -> String {
        pem::encode_certificates([&self.0.der])
    }

    /// Whether it has not expired.
    #[must_use]
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        !self.0.window.is_expired_at(now)
    }

    /// Whether one of these roots has signed it.
    #[must_use]
    pub fn is_below(&self, roots: &TrustBundle) -> bool {
        roots.named(&self.0.issuer).next().is_some()
    }

    /// Whether it certifies the root of an authority.
    pub(super) fn certifies(&self, authority: &Authority) -> bool {
        authority.root().is_some_and(|root| is_same_ca(&self.0, root))
    }

    pub(super) const fn der(&self) -> &CertificateDer<'static> {
        &self.0.der
    }
}

fn is_same_ca(one: &CaCertificate, other: &CaCertificate) -> bool {
    one.subject == other.subject && one.public_key_der == other.public_key_der
}

impl Authority {
    /// Certifies the root of another authority, so that a peer that trusts this one alone accepts the leaves of that one.
    /// Nothing comes out that a verifier with this authority's anchors alone would not follow.
    ///
    /// # Errors
    /// [`CrossError`], where no such path can be.
    pub fn cross_certify(&self, next: &Self, now: Timestamp) -> Result<CrossCertificate, CrossError> {
        if self.is_intermediate() {
            return Err(CrossError::Intermediate);
        }
        let root = next.root().ok_or(CrossError::NotWritable)?;
        let window = root.window.within(self.window());
        let cross = CrossCertificate(self.certify(root, next.served.len(), window)?);
        self.verify_path(next, &cross, window, now)?;
        Ok(cross)
    }

    /// Signs the root's name, key and key identifier, for a chain with so many CAs below the root.
    fn certify(
        &self,
        root: &CaCertificate,
        below: usize,
        window: Validity,
    ) -> Result<CaCertificate, CrossError> {
        let params = cross_params(root, below, window)?;
        let key =
            SubjectPublicKeyInfo::from_der(&root.public_key_der).map_err(|_| CrossError::NotWritable)?;
        let der = self.issuer.sign(&params, Some(&root.subject), &key).ok_or(IssueError::NotSigned)?;
        let cross = CaCertificate::parse(&der).ok_or(CrossError::NotWritable)?;
        let is_same = is_same_ca(&cross, root) && cross.key_id == root.key_id;
        if is_same { Ok(cross) } else { Err(CrossError::NotWritable) }
    }

    /// Verifies a leaf of the next authority as a peer that trusts only the former root.
    fn verify_path(
        &self,
        next: &Self,
        cross: &CrossCertificate,
        window: Validity,
        now: Timestamp,
    ) -> Result<(), CrossError> {
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).map_err(IssueError::from)?;
        let serial = Serial::random().map_err(IssueError::from)?;
        let leaf = next.issuer.sign(&bare_params(window, serial), None, &key).ok_or(IssueError::NotSigned)?;
        let chain: Vec<CertificateDer<'static>> = next.served.iter().chain([cross.der()]).cloned().collect();
        let end_entity = EndEntityCert::try_from(&leaf).map_err(|_| CrossError::NotWritable)?;
        let path = verify::build_path(&end_entity, &chain, &self.anchors, now);
        path.map(|_| ()).map_err(CrossError::NoPath)
    }

    /// The root that this authority's chain leads to.
    pub(super) fn root(&self) -> Option<&CaCertificate> {
        let top = self.chain.last()?;
        if top.is_self_issued() { Some(top) } else { self.anchors.named(&top.issuer).next() }
    }
}

/// What the chain below the root needs, and no more: `below` counts the CA certificates between the root and a leaf, which
/// its own path length has room for, since that chain was verified; and the two purposes of a leaf.
fn cross_params(
    root: &CaCertificate,
    below: usize,
    window: Validity,
) -> Result<CertificateParams, CrossError> {
    let is_limited = certificate::parse(&root.der).is_none_or(|x509| is_limited(&x509));
    let key_id = root.key_id.as_ref().filter(|_| !is_limited).ok_or(CrossError::NotWritable)?;
    let serial = Serial::random().map_err(IssueError::from)?;
    let below = u8::try_from(below).map_err(|_| CrossError::NotWritable)?;
    let mut params = CertificateParams::default();
    // The root's own takes its place, byte for byte.
    params.distinguished_name = DistinguishedName::new();
    params.not_before = to_offset(window.not_before);
    params.not_after = to_offset(window.not_after);
    params.serial_number = Some(SerialNumber::from_slice(serial.as_bytes()));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(below));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.key_identifier_method = KeyIdMethod::PreSpecified(key_id.as_bytes().to_vec());
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

/// Whether a root limits names, purposes or policies, or says something critical that is not copied: a verifier that
/// follows the cross-certificate would not see the limit.
fn is_limited(root: &X509Certificate<'_>) -> bool {
    root.extensions().iter().any(|extension| match extension.parsed_extension() {
        ParsedExtension::BasicConstraints(_) | ParsedExtension::KeyUsage(_) => false,
        ParsedExtension::NameConstraints(_)
        | ParsedExtension::ExtendedKeyUsage(_)
        | ParsedExtension::PolicyConstraints(_)
        | ParsedExtension::InhibitAnyPolicy(_) => true,
        _ => extension.critical,
    })
}
