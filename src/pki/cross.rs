//! A cross-certificate carries a verifier that still trusts only a former root to a leaf of the present one: subject,
//! key and key identifier of the new root, signed by the former.

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, DnValue, IsCa, KeyIdMethod,
    KeyUsagePurpose, SerialNumber, SubjectPublicKeyInfo,
};
use rustls_pki_types::CertificateDer;
use webpki::EndEntityCert;
use x509_parser::der_parser::asn1_rs::Tag;
use x509_parser::x509::X509Name;

use super::authority::{bare_params, sign_public};
use super::certificate::{self, CaCertificate};
use super::window::to_offset;
use super::{
    Authority, KeyAlgorithm, PemError, PrivateKey, Serial, TrustBundle, Window, authority, pem, verify,
};

/// Why there is no cross-certificate. Rotation goes on without it, on the observed distribution alone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CrossError {
    /// The former root, or the new one, forbids the path.
    #[error(
        "a path over the former root would not hold (path length or name constraints of one of the two): {0}"
    )]
    NoPath(super::LeafError),
    /// The name or key of the new root cannot be written into another certificate.
    #[error("subject, key or constraints of the new root cannot be certified again")]
    NotWritable,
    /// The library could not sign.
    #[error(transparent)]
    Issue(#[from] super::IssueError),
}

/// Cross-certificates, with the intermediates that connect them, newest first.
#[derive(Clone, Default)]
pub struct CrossCertificates(Vec<CaCertificate>);

impl CrossCertificates {
    /// Reads a list. An empty text is an empty list.
    ///
    /// # Errors
    /// If the text holds anything but certificates.
    pub fn from_pem(text: &[u8]) -> Result<Self, PemError> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let certificates = pem::certificates(text)?;
        let read = certificates.iter().map(|der| CaCertificate::parse(der).ok_or(PemError::NotPem));
        read.collect::<Result<_, _>>().map(Self)
    }

    /// The list as PEM.
    #[must_use]
    pub fn to_pem(&self) -> String {
        pem::encode_certificates(self.0.iter().map(|found| &found.der))
    }

    /// Whether there is one for the root with this key.
    #[must_use]
    pub fn reaches(&self, root: &Authority) -> bool {
        root.root().is_some_and(|root| self.0.iter().any(|cross| is_same_ca(cross, root)))
    }

    /// The list without those for this root: it was announced, and never signed.
    #[must_use]
    pub fn without(&self, root: &Authority) -> Self {
        let Some(root) = root.root() else { return self.clone() };
        Self(self.0.iter().filter(|cross| !is_same_ca(cross, root)).cloned().collect())
    }

    /// The list without those that one of these roots has signed.
    #[must_use]
    pub fn without_signers(&self, signers: &TrustBundle) -> Self {
        let is_theirs = |cross: &&CaCertificate| signers.named(&cross.issuer).next().is_some();
        Self(self.0.iter().filter(|cross| !is_theirs(cross)).cloned().collect())
    }

    /// The list with newer ones before it.
    #[must_use]
    pub fn after(&self, newer: &Self) -> Self {
        Self(newer.0.iter().chain(&self.0).cloned().collect())
    }

    /// The list without those that have expired.
    #[must_use]
    pub fn valid_at(&self, now: Timestamp) -> Self {
        Self(self.0.iter().filter(|cross| !cross.window.is_expired_at(now)).cloned().collect())
    }

    /// The connected run from a root up: each is signed by the subject of the next. A gap ends it, and so does a
    /// signer that is distrusted.
    pub(super) fn run(&self, root: &CaCertificate, distrusted: &[CaCertificate]) -> Vec<CaCertificate> {
        let mut run: Vec<CaCertificate> = Vec::new();
        let mut below = root.clone();
        while let Some(next) = self
            .0
            .iter()
            .find(|cross| is_same_ca(cross, &below) && !run.iter().any(|seen| seen.der == cross.der))
        {
            if distrusted.iter().any(|signer| signer.subject == next.issuer) {
                break;
            }
            run.push(next.clone());
            // What signed it: the next cross-certificate, or an intermediate, has that name.
            let Some(parent) = self.0.iter().find(|cross| cross.subject == next.issuer) else { break };
            below = parent.clone();
        }
        run
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
    pub fn cross_certify(&self, next: &Self, now: Timestamp) -> Result<CrossCertificates, CrossError> {
        let root = next.root().ok_or(CrossError::NotWritable)?;
        let window = root.window.within(self.window());
        let cross = self.certify(root, window)?;
        let own = self.chain.iter().filter(|ca| !ca.is_self_issued()).cloned();
        let list = CrossCertificates(std::iter::once(cross).chain(own).collect());
        self.follow(next, &list, window, now)?;
        Ok(list)
    }

    /// Signs the root's name, key and key identifier.
    fn certify(&self, root: &CaCertificate, window: Window) -> Result<CaCertificate, CrossError> {
        let params = cross_params(root, window)?;
        let key =
            SubjectPublicKeyInfo::from_der(&root.public_key_der).map_err(|_| CrossError::NotWritable)?;
        let der = sign_public(&params, &key, &self.issuer)?;
        let cross = CaCertificate::parse(&der).ok_or(CrossError::NotWritable)?;
        let is_same = is_same_ca(&cross, root) && cross.key_id == root.key_id;
        if is_same { Ok(cross) } else { Err(CrossError::NotWritable) }
    }

    /// Verifies a leaf of the next authority as somebody who has never heard of it.
    fn follow(
        &self,
        next: &Self,
        crosses: &CrossCertificates,
        window: Window,
        now: Timestamp,
    ) -> Result<(), CrossError> {
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).map_err(super::IssueError::from)?;
        let serial = Serial::random().map_err(super::IssueError::from)?;
        let leaf = authority::sign(&bare_params(window, serial), &key, &next.issuer)?;
        let chain: Vec<CertificateDer<'static>> =
            next.served.iter().cloned().chain(crosses.0.iter().map(|ca| ca.der.clone())).collect();
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

fn cross_params(root: &CaCertificate, window: Window) -> Result<CertificateParams, CrossError> {
    let x509 = certificate::parse(&root.der).ok_or(CrossError::NotWritable)?;
    // A root that limits names or purposes would be without these limits for whoever follows the cross-certificate.
    let is_limited = x509.name_constraints().ok().flatten().is_some()
        || x509.extended_key_usage().ok().flatten().is_some();
    let key_id = root.key_id.as_ref().filter(|_| !is_limited).ok_or(CrossError::NotWritable)?;
    let mut params = CertificateParams::default();
    params.distinguished_name = rewritten(x509.subject()).ok_or(CrossError::NotWritable)?;
    params.not_before = to_offset(window.not_before);
    params.not_after = to_offset(window.not_after);
    let serial = Serial::random().map_err(super::IssueError::from)?;
    params.serial_number = Some(SerialNumber::from_slice(serial.as_bytes()));
    params.is_ca = IsCa::Ca(match root.path_length {
        Some(length) => BasicConstraints::Constrained(u8::try_from(length).unwrap_or(u8::MAX)),
        None => BasicConstraints::Unconstrained,
    });
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.key_identifier_method = KeyIdMethod::PreSpecified(key_id.as_bytes().to_vec());
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

/// A name as rcgen writes it. That it comes out as it went in is seen afterwards.
fn rewritten(name: &X509Name<'_>) -> Option<DistinguishedName> {
    let mut written = DistinguishedName::new();
    for rdn in name.iter_rdn() {
        let attribute = rdn.iter().next()?;
        let oid: Vec<u64> = attribute.attr_type().iter()?.collect();
        let text = std::str::from_utf8(attribute.attr_value().data).ok()?;
        let value = match attribute.attr_value().header.tag() {
            Tag::Utf8String => DnValue::Utf8String(text.to_owned()),
            Tag::PrintableString => DnValue::PrintableString(text.try_into().ok()?),
            Tag::Ia5String => DnValue::Ia5String(text.try_into().ok()?),
            _ => return None,
        };
        written.push(DnType::from_oid(&oid), value);
    }
    Some(written)
}
