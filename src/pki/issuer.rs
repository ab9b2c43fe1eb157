//! An issuer: a name, a key identifier and a key.
//!
//! rcgen writes a certificate, all but its names: it keeps one value for an attribute type (of `DC=com,DC=example` one `DC` is
//! lost) and re-encodes strings, while verifiers compare names as bytes. So names are copied into its output, which is then signed.

use rcgen::{
    CertificateParams, DistinguishedName, KeyIdMethod, PublicKeyData, SignatureAlgorithm, SigningKey,
};
use rustls_pki_types::CertificateDer;

use super::{KeyId, PrivateKey};

/// Positions of the names in a `TBSCertificate` with a version (RFC 5280 §4.1).
const ISSUER: usize = 3;
const SUBJECT: usize = 5;

/// A CA as it signs.
pub(super) struct Issuer {
    /// Its subject as DER.
    name: Vec<u8>,
    /// What rcgen takes from an issuer: here only the key identifier.
    params: CertificateParams,
    key: PrivateKey,
}

impl Issuer {
    /// The CA with this subject (DER) and key.
    pub(super) fn new(name: &[u8], key_id: &KeyId, key: PrivateKey) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.key_identifier_method = KeyIdMethod::PreSpecified(key_id.as_bytes().to_vec());
        Self { name: name.to_vec(), params, key }
    }

    /// Certifies a key for what the parameters say; a `subject` (DER) replaces theirs. `None` where the
    /// library refuses.
    pub(super) fn sign(
        &self,
        params: &CertificateParams,
        subject: Option<&[u8]>,
        key: &impl PublicKeyData,
    ) -> Option<CertificateDer<'static>> {
        let issuer = rcgen::Issuer::from_params(&self.params, Unsigned(&self.key));
        let draft = params.signed_by(key, &issuer).ok()?;
        let [tbs, algorithm, _] = elements(draft.der())?.try_into().ok()?;
        let mut fields = elements(&tbs)?;
        self.name.clone_into(fields.get_mut(ISSUER)?);
        if let Some(subject) = subject {
            subject.clone_into(fields.get_mut(SUBJECT)?);
        }
        let tbs = sequence(&fields);
        let signature = bit_string(&self.key.sign(&tbs).ok()?);
        Some(sequence(&[tbs, algorithm, signature]).into())
    }
}

/// The signing key while rcgen writes: nothing is signed before the names are copied.
struct Unsigned<'a>(&'a PrivateKey);

impl PublicKeyData for Unsigned<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0.der_bytes()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        PublicKeyData::algorithm(self.0)
    }
}

impl SigningKey for Unsigned<'_> {
    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(Vec::new())
    }
}

/// The elements of a DER sequence, each as DER.
#[expect(clippy::redundant_closure_for_method_calls, reason = "the method takes one lifetime, not any")]
fn elements(sequence: &[u8]) -> Option<Vec<Vec<u8>>> {
    yasna::parse_der(sequence, |reader| reader.collect_sequence_of(|element| element.read_der())).ok()
}

fn sequence(elements: &[Vec<u8>]) -> Vec<u8> {
    yasna::construct_der(|writer| {
        writer.write_sequence(|writer| {
            for element in elements {
                writer.next().write_der(element);
            }
        });
    })
}

fn bit_string(bytes: &[u8]) -> Vec<u8> {
    yasna::construct_der(|writer| writer.write_bitvec_bytes(bytes, 8 * bytes.len()))
}
