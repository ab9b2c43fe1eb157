//! CAs as people make them, with tools of their own: what a provided CA is made of, its mistakes included.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::ByteString;
use mtls_operator::pki::{AuthorityPem, TrustBundle};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
    KeyUsagePurpose,
};
use serde_json::{Value, json};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::installation::SYSTEM;

const DAY: SignedDuration = SignedDuration::from_hours(24);
const YEAR: SignedDuration = SignedDuration::from_hours(24 * 365);

/// A CA with its key. Without more it is in order: from yesterday on for a year, and below it there may be any number of CAs.
pub struct Ca {
    /// What it was made with.
    pub params: CertificateParams,
    /// Its certificate and its key.
    pub issuer: CertifiedIssuer<'static, KeyPair>,
    made: Timestamp,
}

impl Ca {
    /// A self-signed root, made at this moment.
    pub fn root(name: &str, now: Timestamp) -> Self {
        Self::root_with(name, now, |_| ())
    }

    /// A self-signed root with something changed before it is made.
    pub fn root_with(name: &str, now: Timestamp, change: impl FnOnce(&mut CertificateParams)) -> Self {
        Self::root_of(KeyPair::generate().unwrap(), name, now, change)
    }

    /// The same, with this key.
    pub fn root_of(
        key: KeyPair,
        name: &str,
        now: Timestamp,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Self {
        let params = params(name, now, change);
        Self { issuer: CertifiedIssuer::self_signed(params.clone(), key).unwrap(), params, made: now }
    }

    /// A CA below this one.
    pub fn intermediate(&self, name: &str) -> Self {
        self.intermediate_with(name, |_| ())
    }

    /// A CA below this one, with something changed before it is made.
    pub fn intermediate_with(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        self.intermediate_of(KeyPair::generate().unwrap(), name, change)
    }

    /// The same, with this key.
    pub fn intermediate_of(
        &self,
        key: KeyPair,
        name: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Self {
        let params = params(name, self.made, change);
        let issuer = CertifiedIssuer::signed_by(params.clone(), key, &self.issuer).unwrap();
        Self { issuer, params, made: self.made }
    }

    /// A cross-certificate of another root.
    pub fn certified(&self, other: &Self) -> String {
        other.params.signed_by(other.issuer.key(), &self.issuer).unwrap().pem()
    }

    /// The certificate.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// The private key.
    pub fn key_pem(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// What trusts it alone.
    pub fn bundle(&self) -> TrustBundle {
        TrustBundle::from_pem(self.pem().as_bytes()).unwrap()
    }

    /// This CA as people would provide it: below these CAs and this anchor.
    pub fn provided(&self, above: &[&Self], anchor: &Self) -> AuthorityPem {
        let chain: String = std::iter::once(self).chain(above.iter().copied()).map(Self::pem).collect();
        AuthorityPem {
            chain: chain.into_bytes(),
            key: Zeroizing::new(self.key_pem().into_bytes()),
            anchors: anchor.pem().into_bytes(),
        }
    }

    /// The Secret of this name in which people provide this CA to an authority, below these anchors.
    pub fn secret(&self, name: &str, authority: &str, anchors: &str) -> Value {
        let consent = json!({ "mtls-operator.dev/provides-for": authority });
        json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "data": self.data(anchors),
            "metadata": { "name": name, "namespace": SYSTEM, "annotations": consent },
        })
    }

    /// What such a Secret holds.
    pub fn data(&self, anchors: &str) -> Value {
        let text = |text: String| ByteString(text.into_bytes());
        json!({ "tls.crt": text(self.pem()), "tls.key": text(self.key_pem()), "ca.crt": text(anchors.to_owned()) })
    }
}

fn params(name: &str, now: Timestamp, change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.distinguished_name.push(DnType::OrganizationName, "Example");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    params.not_before = offset(now - DAY);
    params.not_after = offset(now + YEAR);
    change(&mut params);
    params
}

/// A moment as rcgen wants it.
pub fn offset(time: Timestamp) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(time.as_second()).unwrap()
}
