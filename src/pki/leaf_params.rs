//! The content of a leaf certificate, as parameters of rcgen.

use std::net::IpAddr;

use rcgen::string::Ia5String;
use rcgen::{
    CertificateParams, DistinguishedName, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose, SanType,
    SerialNumber,
};

use super::validity::to_offset;
use super::{CommonName, IssueError, KeyAlgorithm, LeafProfile, Serial, Subject, Validity};

/// Every field is set here: rcgen's defaults (valid 1975 to 4096, serial from the key, no AKI) are never right.
pub(super) fn leaf_params(
    profile: &LeafProfile,
    window: Validity,
    serial: Serial,
) -> Result<CertificateParams, IssueError> {
    let mut params = bare_params(window, serial);
    params.distinguished_name = subject(profile)?;
    params.subject_alt_names = names(profile)?;
    params.key_usages = key_usages(profile.key_algorithm);
    Ok(params)
}

/// A leaf without names.
pub(super) fn bare_params(window: Validity, serial: Serial) -> CertificateParams {
    let mut params = CertificateParams::default();
    // An empty subject makes the names critical, and another one not: RFC 5280 §4.2.1.6 wants both.
    params.distinguished_name = DistinguishedName::new();
    params.not_before = to_offset(window.not_before);
    params.not_after = to_offset(window.not_after);
    params.serial_number = Some(SerialNumber::from_slice(serial.as_bytes()));
    // `NoCa` would leave out the basic constraints and the subject key identifier.
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = key_usages(KeyAlgorithm::EcdsaP256);
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    params
}

fn subject(profile: &LeafProfile) -> Result<DistinguishedName, IssueError> {
    let id = profile.spiffe_id.as_str();
    match profile.common_name {
        CommonName::None => Ok(DistinguishedName::new()),
        CommonName::ServiceAccount => {
            Subject::of_id(id).map(|subject| subject.to_name()).ok_or_else(|| IssueError::Name(id.to_owned()))
        }
    }
}

/// RSA may encipher the session key of an old cipher suite; other keys cannot (RFC 8813 §3).
fn key_usages(algorithm: KeyAlgorithm) -> Vec<KeyUsagePurpose> {
    let mut usages = vec![KeyUsagePurpose::DigitalSignature];
    if algorithm.is_rsa() {
        usages.push(KeyUsagePurpose::KeyEncipherment);
    }
    usages
}

/// The names of a leaf, each once.
pub(super) fn names(profile: &LeafProfile) -> Result<Vec<SanType>, IssueError> {
    let ascii = |name: &str| Ia5String::try_from(name).map_err(|_| IssueError::Name(name.to_owned()));
    let mut names = vec![SanType::URI(ascii(profile.spiffe_id.as_str())?)];
    for dns in distinct(&profile.dns_names) {
        names.push(SanType::DnsName(ascii(dns)?));
    }
    names.extend(distinct(&profile.ip_addresses).into_iter().map(|ip: &IpAddr| SanType::IpAddress(*ip)));
    Ok(names)
}

/// In the order asked, which is what people expect to see first.
fn distinct<T: PartialEq>(names: &[T]) -> Vec<&T> {
    let mut found: Vec<&T> = Vec::with_capacity(names.len());
    for name in names {
        if !found.contains(&name) {
            found.push(name);
        }
    }
    found
}
