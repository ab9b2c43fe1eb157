//! What is read of a CA certificate: parsed once, with nothing of the parser's types left over.

use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{FromDer as _, X509Version};

use super::{Fingerprint, KeyId, Validity, Weakness};

/// The most characters of a subject that are shown: it can be as long as a certificate.
const MAX_SHOWN: usize = 128;

/// Whether a certificate may sign others.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum SigningRight {
    /// It is an end-entity certificate.
    NotCa,
    /// It is of version 1, which cannot say that it is a CA's. Verifiers take it for an anchor, and for nothing else.
    Version1,
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
    pub(super) window: Validity,
    pub(super) subject: Vec<u8>,
    pub(super) issuer: Vec<u8>,
    pub(super) public_key_der: Vec<u8>,
    pub(super) weakness: Option<Weakness>,
    pub(super) right: SigningRight,
    pub(super) path_length: Option<u32>,
    pub(super) serves_both_roles: bool,
    /// Whether the subject names anything at all.
    pub(super) is_named: bool,
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
            window: Validity::of(x509.validity())?,
            subject: subject.as_raw().to_vec(),
            issuer: x509.issuer().as_raw().to_vec(),
            public_key_der: x509.public_key().raw.to_vec(),
            weakness: Weakness::of(&x509),
            right: signing_right(&x509)?,
            path_length: constraints.and_then(|found| found.path_len_constraint),
            serves_both_roles: serves_both_roles(&x509)?,
            is_named: subject.iter_attributes().next().is_some(),
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

    /// Whether verifiers take it for an anchor.
    pub(super) fn is_root(&self) -> bool {
        self.is_self_issued() && matches!(self.right, SigningRight::Full | SigningRight::Version1)
    }

    /// The subject as people read it.
    pub(super) fn shown_subject(&self) -> String {
        let subject = parse(&self.der).map(|x509| x509.subject().to_string()).unwrap_or_default();
        subject.chars().take(MAX_SHOWN).collect()
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

fn signing_right(x509: &X509Certificate<'_>) -> Option<SigningRight> {
    let is_ca = x509.basic_constraints().ok()?.is_some_and(|found| found.value.ca);
    let may_sign = x509.key_usage().ok()?.is_none_or(|found| found.value.key_cert_sign());
    Some(match (is_ca, may_sign) {
        _ if x509.version() == X509Version::V1 => SigningRight::Version1,
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
