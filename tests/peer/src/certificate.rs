//! What a certificate says, as far as peers compare it.

use serde::{Deserialize, Serialize};
use tokio_rustls::rustls::pki_types::CertificateDer;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::Failure;
use crate::files::hex;

/// A leaf.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leaf {
    /// Empty where it has none, which no target equals.
    pub spiffe_id: String,
    /// Hex, without the sign octet.
    pub serial: String,
    /// Key id of its signer, hex.
    pub signer: String,
    /// Its end, in seconds since 1970.
    pub not_after: i64,
}

impl Leaf {
    pub(crate) fn of(certificate: &CertificateDer<'_>) -> Result<Self, Failure> {
        let (_, parsed) = X509Certificate::from_der(certificate)?;
        Ok(Self {
            spiffe_id: uri(&parsed).unwrap_or_default(),
            serial: hex(parsed.raw_serial().strip_prefix(&[0]).unwrap_or_else(|| parsed.raw_serial())),
            signer: signer(&parsed).unwrap_or_default(),
            not_after: parsed.validity().not_after.timestamp(),
        })
    }
}

fn uri(certificate: &X509Certificate<'_>) -> Option<String> {
    let names = certificate.subject_alternative_name().ok()??;
    names.value.general_names.iter().find_map(|name| match name {
        GeneralName::URI(uri) => Some((*uri).to_owned()),
        _ => None,
    })
}

fn signer(certificate: &X509Certificate<'_>) -> Option<String> {
    certificate.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(identifier) => {
            Some(hex(identifier.key_identifier.as_ref()?.0))
        }
        _ => None,
    })
}
