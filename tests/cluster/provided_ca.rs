//! CAs as people make them, with their own tools.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::ByteString;
use mtls_operator::runtime::clock::Clock;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
    KeyUsagePurpose,
};
use serde_json::{Value, json};
use time::OffsetDateTime;

/// A CA with its key.
pub struct Ca(CertifiedIssuer<'static, KeyPair>);

impl Ca {
    /// A self-signed root.
    pub fn root(name: &str) -> Self {
        Self(CertifiedIssuer::self_signed(params(name), KeyPair::generate().unwrap()).unwrap())
    }

    /// A self-signed root that ends then.
    #[allow(dead_code, reason = "each test program uses a part of it")]
    pub fn root_until(name: &str, end: Timestamp) -> Self {
        let mut params = params(name);
        params.not_before = offset(end - SignedDuration::from_hours(24 * 365));
        params.not_after = offset(end);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A CA below this one.
    pub fn intermediate(&self, name: &str) -> Self {
        Self(CertifiedIssuer::signed_by(params(name), KeyPair::generate().unwrap(), &self.0).unwrap())
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
