//! What is read of a CA certificate: parsed once, with nothing of the parser's types left over.

use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::oid_registry::Oid;
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::X509Name;

use super::{Fingerprint, KeyId, Window, algorithm};

/// Whether a certificate may sign others.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum SigningRight {
    /// It is an end-entity certificate.
    NotCa,
    /// It is a CA's, and its key usage leaves out certificates.
    NoCertificates,
    Full,
}

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
    pub(super) right: SigningRight,
    pub(super) path_length: Option<u32>,
    pub(super) serves_both_roles: bool,
    pub(super) simple_subject: bool,
}

impl CaCertificate {
    /// `None` if the bytes are not exactly one X.509 certificate with readable extensions.
    pub(super) fn parse(der: &CertificateDer<'_>) -> Option<Self> {
        let x509 = parse(der)?;
        let subject = x509.subject();
        let constraints = x509.basic_constraints().ok()?.map(|found| found.value);
        Some(Self {
            der: der.clone().into_owned(),
            fingerprint: Fingerprint::of(der),
            key_id: subject_key_id(&x509),
            window: Window::of(x509.validity())?,
            subject: subject.as_raw().to_vec(),
            issuer: x509.issuer().as_raw().to_vec(),
            public_key_der: x509.public_key().raw.to_vec(),
            rsa_bits: algorithm::rsa_bits(x509.public_key()),
            right: signing_right(&x509)?,
            path_length: constraints.and_then(|found| found.path_len_constraint),
            serves_both_roles: serves_both_roles(&x509)?,
            simple_subject: is_simple(subject),
        })
    }

    /// Whether peers take this root for a path with so many intermediates. webpki asks nothing of this of a root.
    pub(super) fn anchors(&self, intermediates: usize, now: Timestamp) -> bool {
        let room = self.path_length.is_none_or(|length| intermediates <= length as usize);
        room && self.serves_both_roles
            && !self.window.is_expired_at(now)
            && !self.window.is_not_yet_valid_at(now)
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

/// Whether rcgen can write the name at all: it keeps one value for an attribute type, reads no RDN of several
/// attributes, and panics at an object identifier that it cannot write. That the name then also comes out as it
/// went in (two `DC` do not) is seen when a CA is loaded.
fn is_simple(name: &X509Name<'_>) -> bool {
    let mut parts = name.iter_rdn().peekable();
    parts.peek().is_some()
        && parts.all(|rdn| {
            let mut attributes = rdn.iter();
            attributes.next().is_some_and(|first| is_writable(first.attr_type()))
                && attributes.next().is_none()
        })
}

fn is_writable(oid: &Oid<'_>) -> bool {
    let Some(mut arcs) = oid.iter() else { return false };
    arcs.len() >= 2 && arcs.next().is_some_and(|first| first <= 2)
}

fn signing_right(x509: &X509Certificate<'_>) -> Option<SigningRight> {
    let is_ca = x509.basic_constraints().ok()?.is_some_and(|found| found.value.ca);
    let may_sign = x509.key_usage().ok()?.is_none_or(|found| found.value.key_cert_sign());
    Some(match (is_ca, may_sign) {
        (false, _) => SigningRight::NotCa,
        (true, false) => SigningRight::NoCertificates,
        (true, true) => SigningRight::Full,
    })
}

/// As for leaves: without the extension a CA may sign for every purpose.
fn serves_both_roles(x509: &X509Certificate<'_>) -> Option<bool> {
    let purposes = x509.extended_key_usage().ok()?;
    Some(purposes.is_none_or(|found| found.value.any || found.value.server_auth && found.value.client_auth))
}
