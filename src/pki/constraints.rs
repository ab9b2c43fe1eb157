//! Name constraints of a provided CA: a verifier reports that some name breaks them; this finds out which.

use rcgen::SanType;
use rustls_pki_types::CertificateDer;
use webpki::EndEntityCert;

use super::leaf_params::{bare_params, names};
use super::{Authority, IssueError, KeyAlgorithm, LeafError, LeafProfile, PrivateKey, Serial, verify};

impl Authority {
    /// The names of a profile that no certificate under this authority may hold, as the certificate would hold them. Each
    /// is checked alone, by the verifier of leaves, in a certificate that is discarded.
    ///
    /// # Errors
    /// If a name cannot be written, or the library makes no certificate.
    pub fn excluded_names(&self, profile: &LeafProfile) -> Result<Vec<String>, IssueError> {
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256)?;
        let mut excluded = Vec::new();
        for name in names(profile)? {
            let written = written(&name);
            if self.excludes(name, &key)? {
                excluded.push(written);
            }
        }
        Ok(excluded)
    }

    fn excludes(&self, name: SanType, key: &PrivateKey) -> Result<bool, IssueError> {
        let window = self.window();
        let mut params = bare_params(window, Serial::random()?);
        params.subject_alt_names = vec![name];
        let leaf = self.issuer.sign(&params, None, key).ok_or(IssueError::NotSigned)?;
        let above: Vec<CertificateDer<'static>> = self.served().cloned().collect();
        let end_entity = EndEntityCert::try_from(&leaf).map_err(|_| IssueError::NotSigned)?;
        let path = verify::build_path(&end_entity, &above, self.bundle(), window.not_before);
        Ok(path.err() == Some(LeafError::NameExcluded))
    }
}

fn written(name: &SanType) -> String {
    match name {
        SanType::URI(name) | SanType::DnsName(name) => name.as_str().to_owned(),
        SanType::IpAddress(ip) => ip.to_string(),
        other => format!("{other:?}"),
    }
}
