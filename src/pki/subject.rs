//! The subject of a leaf: empty, or the service account of its SPIFFE ID once more, for programs that know users by a
//! distinguished name. It never says anything that the URI does not say.

use rcgen::{DistinguishedName, DnType};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use x509_parser::oid_registry::{OID_X509_COMMON_NAME, OID_X509_ORGANIZATION_NAME};
use x509_parser::x509::X509Name;

use super::spiffe::{self, TrustDomain};

/// The most characters of a common name or an organization (RFC 5280 appendix A.1).
pub const MAX_ATTRIBUTE: usize = 64;

/// What the subject of a leaf says.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CommonName {
    /// Nothing: it is empty.
    #[default]
    None,
    /// Which service account of which namespace and trust domain.
    ServiceAccount,
}

/// The distinguished name of a service account. `openssl x509 -subject` prints `O=<trust domain>, CN=<service
/// account>.<namespace>`: the widest comes first, so that RFC 4514, which reads from the end, writes `CN=…,O=…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Service account and namespace. A namespace has no dot, so no two service accounts share it.
    pub common_name: String,
    /// The trust domain.
    pub organization: String,
}

impl Subject {
    /// The name of a service account.
    #[must_use]
    pub fn new(trust_domain: &TrustDomain, namespace: &str, service_account: &str) -> Self {
        Self::of_parts([trust_domain.as_str(), namespace, service_account])
    }

    /// The name of the service account in a SPIFFE ID. `None` where the ID is not of our form.
    pub(super) fn of_id(uri: &str) -> Option<Self> {
        spiffe::parts(uri).map(Self::of_parts)
    }

    fn of_parts([trust_domain, namespace, service_account]: [&str; 3]) -> Self {
        Self { common_name: format!("{service_account}.{namespace}"), organization: trust_domain.to_owned() }
    }

    pub(super) fn to_name(&self) -> DistinguishedName {
        let mut name = DistinguishedName::new();
        name.push(DnType::OrganizationName, self.organization.as_str());
        name.push(DnType::CommonName, self.common_name.as_str());
        name
    }

    fn is(&self, name: &X509Name<'_>) -> bool {
        let expected = [
            (OID_X509_ORGANIZATION_NAME, self.organization.as_str()),
            (OID_X509_COMMON_NAME, self.common_name.as_str()),
        ];
        let mut found = name.iter_rdn();
        let agree = expected.iter().all(|(kind, value)| {
            let Some(part) = found.next() else { return false };
            let mut attributes = part.iter();
            let is_it =
                attributes.next().is_some_and(|one| one.attr_type() == kind && one.as_str() == Ok(value));
            is_it && attributes.next().is_none()
        });
        agree && found.next().is_none()
    }
}

/// What a subject says beside these URI names. `None` where it is neither empty nor the service account of the only one.
pub(super) fn said(name: &X509Name<'_>, uris: &[String]) -> Option<CommonName> {
    if name.iter_rdn().next().is_none() {
        return Some(CommonName::None);
    }
    let [uri] = uris else { return None };
    Subject::of_id(uri)?.is(name).then_some(CommonName::ServiceAccount)
}
