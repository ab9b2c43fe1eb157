//! The content of a leaf certificate. Nothing here says that it is trusted: that is `verify`.

use std::collections::BTreeSet;
use std::net::IpAddr;

use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};

use super::pem::{self, PemError};
use super::{CommonName, KeyAlgorithm, KeyId, LeafProfile, Serial, Validity, certificate, subject};

/// Why a leaf is not usable. Each reason is a state of the certificate, not an error of a library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum LeafError {
    /// No certificate can be read.
    #[error("there is no readable PEM certificate")]
    NotPem,
    /// The text or the chain is longer than any that we write.
    #[error(
        "the certificate chain is longer than {} bytes or {} certificates",
        pem::MAX_PEM_BYTES,
        pem::MAX_CERTIFICATES
    )]
    TooLarge,
    /// The private key cannot be read.
    #[error("the private key cannot be read")]
    KeyUnreadable,
    /// The private key belongs to another certificate.
    #[error("the private key does not belong to the certificate")]
    KeyMismatch,
    /// The chain does not lead to the trust bundle.
    #[error("the certificate does not chain to the trust bundle")]
    Untrusted,
    /// A CA above it may not vouch for one of its names.
    #[error("a name in the certificate is excluded by name constraints of a CA above it")]
    NameExcluded,
    /// It, or a certificate above it, has expired.
    #[error("the certificate, or one above it, has expired")]
    Expired,
    /// It, or a certificate above it, is not valid yet.
    #[error("the certificate, or one above it, is not valid yet")]
    NotYetValid,
    /// It is not the kind of certificate that this operator issues.
    #[error("the certificate does not follow the profile: {0}")]
    BadProfile(&'static str),
}

impl From<PemError> for LeafError {
    fn from(error: PemError) -> Self {
        match error {
            PemError::Missing | PemError::NotPem | PemError::Unread { .. } => Self::NotPem,
            PemError::TooLarge { .. } | PemError::TooMany { .. } => Self::TooLarge,
        }
    }
}

/// The content of a leaf certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// Serial number.
    pub serial: Serial,
    /// Validity.
    pub window: Validity,
    /// Which key signed it.
    pub authority_key_id: KeyId,
    /// The subject in readable form; empty where the leaf has only names.
    pub subject: String,
    /// The subject, if it is one that we issue.
    pub common_name: Option<CommonName>,
    /// URI names as they are written; a good leaf has exactly one.
    pub spiffe_ids: Vec<String>,
    /// DNS names.
    pub dns_names: Vec<String>,
    /// IP addresses.
    pub ip_addresses: Vec<IpAddr>,
    /// Algorithm of the key, if it is one that we issue.
    pub key_algorithm: Option<KeyAlgorithm>,
    /// The public key as DER `SubjectPublicKeyInfo`.
    pub public_key_der: Vec<u8>,
}

impl Leaf {
    /// Reads the first certificate of a PEM chain.
    ///
    /// # Errors
    /// If there is none, or it lacks what every leaf has.
    pub fn from_chain_pem(text: &[u8]) -> Result<Self, LeafError> {
        let chain = pem::certificates(text, pem::STORED)?;
        Self::parse(chain.first().ok_or(LeafError::NotPem)?)
    }

    /// Whether this matches the profile: names as sets, exactly one URI, the algorithm and the subject.
    #[must_use]
    pub fn matches(&self, asked: &LeafProfile) -> bool {
        let [spiffe_id] = self.spiffe_ids.as_slice() else { return false };
        spiffe_id == asked.spiffe_id.as_str()
            && same_set(&self.dns_names, &asked.dns_names)
            && same_set(&self.ip_addresses, &asked.ip_addresses)
            && self.key_algorithm == Some(asked.key_algorithm)
            && self.common_name == Some(asked.common_name)
    }

    /// Reads a certificate.
    ///
    /// # Errors
    /// If it lacks what every leaf has.
    pub fn parse(der: &CertificateDer<'_>) -> Result<Self, LeafError> {
        Self::read(&certificate::parse(der).ok_or(LeafError::NotPem)?)
    }

    pub(super) fn read(x509: &X509Certificate<'_>) -> Result<Self, LeafError> {
        let mut leaf = Self {
            serial: Serial::from_bytes(x509.raw_serial())
                .ok_or(LeafError::BadProfile("the serial number is negative or longer than 20 octets"))?,
            window: Validity::of(x509.validity())
                .ok_or(LeafError::BadProfile("the validity is beyond any calendar"))?,
            authority_key_id: authority_key_id(x509)
                .ok_or(LeafError::BadProfile("the authority key identifier is missing"))?,
            subject: x509.subject().to_string(),
            common_name: None,
            spiffe_ids: Vec::new(),
            dns_names: Vec::new(),
            ip_addresses: Vec::new(),
            key_algorithm: KeyAlgorithm::of(x509.public_key()),
            public_key_der: x509.public_key().raw.to_vec(),
        };
        leaf.read_names(x509)?;
        leaf.common_name = subject::said(x509.subject(), &leaf.spiffe_ids);
        Ok(leaf)
    }

    fn read_names(&mut self, x509: &X509Certificate<'_>) -> Result<(), LeafError> {
        let names = x509
            .subject_alternative_name()
            .map_err(|_| LeafError::BadProfile("the subject alternative names are unreadable"))?;
        for name in names.iter().flat_map(|extension| &extension.value.general_names) {
            match name {
                GeneralName::URI(uri) => self.spiffe_ids.push((*uri).to_owned()),
                GeneralName::DNSName(dns) => self.dns_names.push((*dns).to_owned()),
                GeneralName::IPAddress(octets) => self.ip_addresses.push(ip_address(octets)?),
                _ => return Err(LeafError::BadProfile("a name is neither DNS, IP nor URI")),
            }
        }
        Ok(())
    }
}

fn authority_key_id(x509: &X509Certificate<'_>) -> Option<KeyId> {
    x509.iter_extensions().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(id) => id.key_identifier.as_ref().map(|id| KeyId::new(id.0)),
        _ => None,
    })
}

fn ip_address(octets: &[u8]) -> Result<IpAddr, LeafError> {
    let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from))
        .map_err(|_| LeafError::BadProfile("an IP address has neither 4 nor 16 octets"))
}

fn same_set<T: Ord>(found: &[T], asked: &[T]) -> bool {
    found.iter().collect::<BTreeSet<_>>() == asked.iter().collect::<BTreeSet<_>>()
}
