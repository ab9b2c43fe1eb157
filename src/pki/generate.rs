//! A generated root has a name and serial of its own, and can do nothing but sign.

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, KeyUsagePurpose, SerialNumber,
};
use rustls_pki_types::CertificateDer;
use zeroize::Zeroizing;

use super::validity::to_offset;
use super::{Authority, AuthorityPem, IssueError, KeyId, PrivateKey, RootAlgorithm, Serial, Validity, pem};

/// Longest common name (`ub-common-name`, RFC 5280 appendix A.1).
const MAX_COMMON_NAME: usize = 64;

/// Octets of the key identifier that are part of the subject: no two roots of a cluster share them.
const UNIQUE_OCTETS: usize = 4;

impl Authority {
    /// A new self-signed root for the authority of this name, as it is to be kept.
    ///
    /// # Errors
    /// Only if the cryptographic library refuses.
    pub fn generate(
        name: &str,
        algorithm: RootAlgorithm,
        ttl: SignedDuration,
        now: Timestamp,
    ) -> Result<AuthorityPem, IssueError> {
        let key = PrivateKey::generate(algorithm.key_algorithm())?;
        let params = root_params(name, &key, Validity::root(now, ttl), Serial::random()?);
        let certificate = params.self_signed(&key).map_err(|_| IssueError::NotSigned)?;
        let chain = pem::encode_certificates([&CertificateDer::from(certificate)]).into_bytes();
        let key = Zeroizing::new(key.to_pem().as_bytes().to_vec());
        Ok(AuthorityPem { anchors: chain.clone(), chain, key })
    }
}

fn root_params(name: &str, key: &PrivateKey, window: Validity, serial: Serial) -> CertificateParams {
    let mut params = CertificateParams::default();
    let key_id = KeyId::new(&params.key_identifier(key));
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name(name, &key_id));
    params.not_before = to_offset(window.not_before);
    params.not_after = to_offset(window.not_after);
    params.serial_number = Some(SerialNumber::from_slice(serial.as_bytes()));
    // No path length: with one, a later cross-certificate would make the path too long.
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// `mtls-operator root <name> <start of the key id>`, the name cut so that the whole fits.
fn common_name(name: &str, key_id: &KeyId) -> String {
    let unique: String = key_id.to_string().chars().take(2 * UNIQUE_OCTETS).collect();
    let room = MAX_COMMON_NAME - "mtls-operator root  ".len() - unique.len();
    let name: String = name.chars().take(room).collect();
    format!("mtls-operator root {name} {unique}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_common_name_fits_for_the_longest_name_and_keeps_its_unique_part() {
        let key_id = KeyId::new(&[0xab; 20]);
        assert_eq!(common_name("mesh", &key_id), "mtls-operator root mesh abababab");
        let longest = common_name(&"x".repeat(63), &key_id);
        assert_eq!(longest.len(), MAX_COMMON_NAME);
        assert!(longest.ends_with(" abababab"));
    }
}
