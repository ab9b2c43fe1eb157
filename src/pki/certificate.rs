//! What is read of a CA certificate: parsed once, with nothing of the parser's types left over.

use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer as _;

use super::{Fingerprint, KeyId, Window, algorithm};

/// A certificate that is, or claims to be, a CA's.
#[derive(Clone)]
pub(super) struct CaCertificate {
    pub(super) der: CertificateDer<'static>,
    pub(super) fingerprint: Fingerprint,
    pub(super) key_id: Option<KeyId>,
    pub(super) window: Window,
    pub(super) subject: Vec<u8>,
    pub(super) issuer: Vec<u8>,
    pub(super) public_key_der: Vec<u8>,
    pub(super) rsa_bits: Option<usize>,
    pub(super) is_ca: bool,
    pub(super) may_sign: bool,
    pub(super) faithful_subject: bool,
}

impl CaCertificate {
    /// `None` if the bytes are not exactly one X.509 certificate with readable extensions.
    pub(super) fn parse(der: &CertificateDer<'_>) -> Option<Self> {
        let x509 = parse(der)?;
        let subject = x509.subject();
        Some(Self {
            der: der.clone().into_owned(),
            fingerprint: Fingerprint::of(der),
            key_id: subject_key_id(&x509),
            window: Window::of(x509.validity())?,
            subject: subject.as_raw().to_vec(),
            issuer: x509.issuer().as_raw().to_vec(),
            public_key_der: x509.public_key().raw.to_vec(),
            rsa_bits: algorithm::rsa_bits(x509.public_key()),
            is_ca: x509.basic_constraints().ok()?.is_some_and(|found| found.value.ca),
            may_sign: x509.key_usage().ok()?.is_none_or(|found| found.value.key_cert_sign()),
            faithful_subject: is_faithful(subject),
        })
    }

    /// Whether subject and issuer are the same name. Such a certificate is an anchor, or nothing.
    pub(super) fn is_self_issued(&self) -> bool {
        self.subject == self.issuer
    }
}

/// One X.509 certificate, without a byte behind it.
pub(super) fn parse<'a>(der: &'a CertificateDer<'_>) -> Option<X509Certificate<'a>> {
    let (rest, x509) = X509Certificate::from_der(der).ok()?;
    rest.is_empty().then_some(x509)
}

pub(super) fn subject_key_id(x509: &X509Certificate<'_>) -> Option<KeyId> {
    x509.iter_extensions().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(id) => Some(KeyId::new(id.0)),
        _ => None,
    })
}

/// rcgen keeps a name as a map from attribute type to value, so it cannot write every name back.
///
/// A name with several `DC` or `OU`, or several attributes in one RDN, would silently become another issuer.
fn is_faithful(name: &x509_parser::x509::X509Name<'_>) -> bool {
    let mut types = Vec::new();
    name.iter_rdn().all(|rdn| {
        let mut attributes = rdn.iter();
        let (Some(attribute), None) = (attributes.next(), attributes.next()) else { return false };
        let kind = attribute.attr_type();
        let new = !types.contains(&kind);
        types.push(kind);
        new
    })
}
