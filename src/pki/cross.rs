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
use super::window::to_offset;
use super::{
    Authority, IssueError, KeyAlgorithm, PemError, PrivateKey, Serial, TrustBundle, Window, pem, verify,
};

/// Why there is no cross-certificate. Rotation goes on without it, on the observed distribution alone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CrossError {
    /// The former root, or the new one, forbids the path.
    #[error(
        "a path over the former root would not hold (path length or name constraints of one of the two): {0}"
    )]
    NoPath(super::LeafError),
    /// The key of the new root cannot be written into another certificate, or its limits cannot.
    #[error("key or constraints of the new root cannot be certified again")]
    NotWritable,
    /// The library could not sign.
    #[error(transparent)]
    Issue(#[from] IssueError),
}

/// A cross-certificate, followed by the intermediates that connect it to a root of its issuer.
#[derive(Clone)]
pub struct CrossCertificate(Vec<CaCertificate>);

impl CrossCertificate {
    /// Reads the one for the root of an authority. `None` where the text holds none for it.
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
        Ok(of.root().and_then(|root| Self::among(&read, root)))
    }

    /// Version 0.1 wrote every cross-certificate of a root's life one after another, each without a path length. With more
    /// than one of them GnuTLS refuses a chain although it trusts the signer, so none is taken for an intermediate.
    fn among(certificates: &[CaCertificate], root: &CaCertificate) -> Option<Self> {
        let place = certificates.iter().position(|found| is_same_ca(found, root))?;
        let mut path = certificates.get(place..)?.iter().cloned();
        let cross = path.next()?;
        let has_path_length = cross.path_length.is_some();
        let mut connected = vec![cross];
        for above in path.take_while(|_| has_path_length) {
            if connected.last().is_none_or(|below| below.issuer != above.subject) {
                break;
            }
            connected.push(above);
        }
        Some(Self(connected))
    }

    /// The path as PEM.
    #[must_use]
    pub fn to_pem(&self) -> String {
        pem::encode_certificates(self.0.iter().map(|found| &found.der))
    }

    /// Whether all of it has not expired.
    #[must_use]
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        !self.0.iter().any(|found| found.window.is_expired_at(now))
    }

    /// Whether one of these roots has signed it, or what is above it.
    #[must_use]
    pub fn is_below(&self, roots: &TrustBundle) -> bool {
        self.0.iter().any(|found| roots.named(&found.issuer).next().is_some())
    }

    /// What follows the intermediates of this root in a chain; nothing where it certifies another root.
    pub(super) fn path_of(&self, root: &CaCertificate) -> &[CaCertificate] {
        if self.0.first().is_some_and(|cross| is_same_ca(cross, root)) { &self.0 } else { &[] }
    }
}

fn is_same_ca(one: &CaCertificate, other: &CaCertificate) -> bool {
    one.subject == other.subject && one.public_key_der == other.public_key_der
}

impl Authority {
    /// Certifies the root of another authority, so that whoever trusts this one accepts the leaves of that one. Gives
    /// the cross-certificate with the intermediates that connect it to this authority's root. Nothing comes out that a
    /// verifier with this authority's anchors alone would not follow.
    ///
    /// # Errors
    /// [`CrossError`], where no such path can be.
    pub fn cross_certify(&self, next: &Self, now: Timestamp) -> Result<CrossCertificate, CrossError> {
        let root = next.root().ok_or(CrossError::NotWritable)?;
        let window = root.window.within(self.window());
        let cross = self.certify(root, next.served.len(), window)?;
        let own = self.chain.iter().filter(|ca| !ca.is_self_issued()).cloned();
        let path = CrossCertificate(std::iter::once(cross).chain(own).collect());
        self.follow(next, &path, window, now)?;
        Ok(path)
    }

    /// Signs the root's name, key and key identifier, for a chain with so many CAs below the root.
    fn certify(
        &self,
        root: &CaCertificate,
        below: usize,
        window: Window,
    ) -> Result<CaCertificate, CrossError> {
        let params = cross_params(root, below, window)?;
        let key =
            SubjectPublicKeyInfo::from_der(&root.public_key_der).map_err(|_| CrossError::NotWritable)?;
        let der = self.issuer.sign(&params, Some(&root.subject), &key).ok_or(IssueError::NotSigned)?;
        let cross = CaCertificate::parse(&der).ok_or(CrossError::NotWritable)?;
        let is_same = is_same_ca(&cross, root) && cross.key_id == root.key_id;
        if is_same { Ok(cross) } else { Err(CrossError::NotWritable) }
    }

    /// Verifies a leaf of the next authority as somebody who has never heard of it.
    fn follow(
        &self,
        next: &Self,
        cross: &CrossCertificate,
        window: Window,
        now: Timestamp,
    ) -> Result<(), CrossError> {
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).map_err(IssueError::from)?;
        let serial = Serial::random().map_err(IssueError::from)?;
        let leaf = next.issuer.sign(&bare_params(window, serial), None, &key).ok_or(IssueError::NotSigned)?;
        let chain: Vec<CertificateDer<'static>> =
            next.served.iter().cloned().chain(cross.0.iter().map(|ca| ca.der.clone())).collect();
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
fn cross_params(root: &CaCertificate, below: usize, window: Window) -> Result<CertificateParams, CrossError> {
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
