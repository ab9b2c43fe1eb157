//! CAs as people make them, with their own tools.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::ByteString;
use mtls_operator::runtime::clock::Clock;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_ED25519, PKCS_RSA_SHA256, RsaKeySize,
};
use serde_json::{Value, json};
use time::OffsetDateTime;

/// A kind of key that a CA has seldom.
#[derive(Clone, Copy)]
pub enum KeyKind {
    Ed25519,
    Rsa2048,
}

impl KeyKind {
    fn generate(self) -> KeyPair {
        match self {
            Self::Ed25519 => KeyPair::generate_for(&PKCS_ED25519).unwrap(),
            Self::Rsa2048 => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap(),
        }
    }
}

/// A CA with its key.
pub struct Ca(CertifiedIssuer<'static, KeyPair>);

impl Ca {
    /// A self-signed root.
    pub fn root(name: &str) -> Self {
        Self(CertifiedIssuer::self_signed(params(name), KeyPair::generate().unwrap()).unwrap())
    }

    /// One with a key of another kind than the usual.
    pub fn root_of(name: &str, kind: KeyKind) -> Self {
        Self(CertifiedIssuer::self_signed(params(name), kind.generate()).unwrap())
    }

    /// A CA below this one.
    pub fn intermediate(&self, name: &str) -> Self {
        Self(CertifiedIssuer::signed_by(params(name), KeyPair::generate().unwrap(), &self.0).unwrap())
    }

    /// One with a key of another kind than the usual.
    pub fn intermediate_of(&self, name: &str, kind: KeyKind) -> Self {
        Self(CertifiedIssuer::signed_by(params(name), kind.generate(), &self.0).unwrap())
    }

    /// The certificate.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// What the Secret of a provided CA holds, below this anchor.
    pub fn provided(&self, anchor: &Self) -> Value {
        let text = |text: String| ByteString(text.into_bytes());
        let key = text(self.0.key().serialize_pem());
        json!({ "tls.crt": text(self.pem()), "tls.key": key, "ca.crt": text(anchor.pem()) })
    }
}

fn params(name: &str) -> CertificateParams {
    let now = Clock::system().now();
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    params.not_before = offset(now - SignedDuration::from_hours(24));
    params.not_after = offset(now + SignedDuration::from_hours(24 * 365));
    params
}

fn offset(time: Timestamp) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(time.as_second()).unwrap()
}
